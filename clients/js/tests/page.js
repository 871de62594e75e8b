/** In a page: `reader.begin()` reads a stream, and notes its states and its end. */
import { stream } from 'structured-streams';

const reader = {
  /** @type {import('structured-streams').State[]} */
  states: [],
  /** @type {object | null} */
  end: null,
  controller: new AbortController(),

  /**
   * @param {string} url
   * @param {import('structured-streams').Options} options
   */
  async begin(url, options) {
    const { signal } = reader.controller;
    const began = performance.now();
    try {
      const reading = stream(url, { topic: 'tea', count: 8 }, { ...options, signal });
      for await (const state of reading) reader.states.push(state);
      reader.end = { final: await reading.final };
    } catch (error) {
      const { name, code, message } = /** @type {any} */ (error);
      reader.end = { name, code, message, took: performance.now() - began };
    }
  },
};

Object.assign(window, { reader });
