// Opens Swagger UI over our own document. Nothing is asked of any other machine: no validator, no remote config.
"use strict";

// Swagger UI has a dark side of its own, which goes by a class.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

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
