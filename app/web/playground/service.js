// What the service has: its schemas, its models, examples of what to ask.

/** An address of the service. Relative to the page, which may stand under a prefix. */
export function address(path) {
  return new URL(path, document.baseURI).href;
}

export class Service {
  #described = new Map();
  #headers;

  /** @param {() => Record<string, string>} headers of every call: a key, where one is asked for */
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
   * What only the API's document tells: the models that a request may choose from, what each view
   * shows, and examples of each schema's parameters.
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

/** Words without the marks of Markdown. */
function plain(words) {
  return words.replaceAll('`', '');
}

function examples(body) {
  const found = body?.content?.['application/json']?.examples ?? {};
  return Object.values(found)
    .map(example => example.value)
    .filter(value => value?.topic);
}
