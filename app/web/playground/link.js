// The request as a part of the page's address: `#ideas?topic=tea&count=3&.model=demo&.view=delta`.
// A key is never in it.

const OWN = ['model', 'view', 'interval_ms', 'reasoning', 'beside'];

export class Link {
  #button;

  /** @param {HTMLButtonElement} button copies the address */
  constructor(button) {
    this.#button = button;
    button.addEventListener('click', () => this.#copy());
  }

  /** Keep the request in the address. */
  keep(schema, parameters, steering) {
    const hash = write(schema, parameters, steering);
    // Relative to the document's own address, and not to a base that a prefix has set.
    history.replaceState(null, '', location.href.split('#')[0] + hash);
  }

  /** What the address says; null where it says nothing. */
  read() {
    return read(location.hash);
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(location.href);
      this.#button.textContent = 'Copied';
    } catch {
      // Only pages of a secure origin may write to the clipboard. The address can still be copied.
      this.#button.textContent = 'It is the address';
    }
    setTimeout(() => {
      this.#button.textContent = 'Copy link';
    }, 2000);
  }
}

/** @param {string} schema @param {object} parameters @param {Record<string, string>} steering */
function write(schema, parameters, steering) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    query.append(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  for (const name of OWN) if (steering[name]) query.append(`.${name}`, steering[name]);
  return `#${encodeURIComponent(schema)}?${query}`;
}

/**
 * What a link says.
 * @param {string} hash
 * @returns {{schema: string, parameters: Record<string, string>, steering: Record<string, string>}|null}
 */
function read(hash) {
  const [, name, search] = /^#([^?]+)(?:\?(.*))?$/.exec(hash) ?? [];
  if (!name) return null;
  const all = [...new URLSearchParams(search ?? '')];
  const steering = all.filter(([key]) => OWN.includes(key.slice(1)) && key.startsWith('.'));
  return {
    schema: decoded(name),
    parameters: Object.fromEntries(all.filter(([key]) => !key.startsWith('.'))),
    steering: Object.fromEntries(steering.map(([key, value]) => [key.slice(1), value])),
  };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
