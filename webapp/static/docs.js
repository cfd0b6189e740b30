// Opens Swagger UI over our own document. Nothing is asked of any other machine: no validator, no remote config.
"use strict";

const place = document.getElementById("docs");

window.SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  // Replacing what the address says lets nobody be sent here with another document.
  queryConfigEnabled: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
