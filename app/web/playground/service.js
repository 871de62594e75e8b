// Asks the service for its schemas, its models and its examples.

/** An address of the service. It is relative to the page, which may have a path prefix. */
export function address(path) {
  return new URL(path, document.baseURI).href;
}

export class Service {
  #described = new Map();
  #headers;

  /** @param {() => Record<string, string>} headers the headers of every call, with a key if needed */
  constructor(headers) {
    this.#headers = headers;
  }

  /** `[{name, description, model, views}]`. */
  async schemas() {
    return (await this.#get('schemas')).schemas;
  }

  /** `{name, description, model, version, parameters, result, partial}` of a schema. */
  async schema(name) {
    if (!this.#described.has(name)) {
      this.#described.set(name, await this.#get(`schemas/${encodeURIComponent(name)}`));
    }
    return this.#described.get(name);
  }

  /**
   * What only the OpenAPI document has: the models that a request may choose from; what each view
   * shows; and examples of each schema's parameters.
   */
  async offers() {
    const { components, paths } = await this.#get('openapi.json');
    return {
      models: components?.parameters?.model?.schema?.enum ?? [],
      views: view => plain(components?.parameters?.view?.examples?.[view]?.summary ?? ''),
      examples: name => examples(paths?.[`/${name}`]?.post?.requestBody),
    };
  }

  async #get(path) {
    const response = await fetch(address(path), { headers: this.#headers() });
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.json();
  }
}

/** A text without its Markdown markup. */
function plain(words) {
  return words.replaceAll('`', '');
}

function examples(body) {
  const found = body?.content?.['application/json']?.examples ?? {};
  return Object.values(found)
    .map(example => example.value)
    .filter(value => value?.topic);
}
