// A file of its own, as the page's Content-Security-Policy allows no inline script. All
// addresses are relative to the page, so that it works under any prefix.
"use strict";

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null, // the validator is somebody else's server
});
