"""The API document (OpenAPI 3.1), written from what the application is: its URL rules, contracts and declarations."""
