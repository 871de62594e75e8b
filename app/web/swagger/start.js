// A file of its own, as the page's Content-Security-Policy allows no inline script. All
// addresses are relative to the page, so that it works under any prefix.
"use strict";

// Swagger UI is dark where the root element has this class.
const dark = matchMedia("(prefers-color-scheme: dark)");
const darken = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", darken);
darken();

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null, // the validator is somebody else's server
});
