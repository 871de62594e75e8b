// Makes elements. All text is inserted as text, and never parsed as HTML.

/**
 * An element with its attributes and children.
 * @param {string} tag
 * @param {Record<string, any>} [attributes] `class`, `onclick`…; null and false are left out
 * @param {...(Node|string|number|null)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(made, name, value);
  made.append(...children.filter(child => child !== null && child !== '').map(textual));
  return made;
}

/** An element of SVG. */
export function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** The element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

function textual(child) {
  return child instanceof Node ? child : String(child);
}

function set(made, name, value) {
  if (value === null || value === false || value === undefined) return;
  if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
  else made.setAttribute(name, value === true ? '' : String(value));
}
