// Tabs, as https://www.w3.org/WAI/ARIA/apg/patterns/tabs/ has them.

import { element } from './element.js';

const STEPS = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };

export class Tabs {
  #tabs;
  #panels;
  #isChosen = false; // whether the user has chosen a tab

  /** @param {HTMLElement} list @param {HTMLElement} holder @param {Record<string, HTMLElement>} contents */
  constructor(list, holder, contents) {
    const names = Object.keys(contents);
    this.#tabs = names.map((name, index) =>
      element(
        'button',
        {
          type: 'button',
          role: 'tab',
          id: `tab-${index}`,
          'aria-controls': `panel-${index}`,
          onclick: () => {
            this.#isChosen = true;
            this.#choose(index);
          },
        },
        name,
      ),
    );
    this.#panels = names.map((name, index) =>
      element(
        'div',
        {
          role: 'tabpanel',
          id: `panel-${index}`,
          'aria-labelledby': `tab-${index}`,
        },
        contents[name],
      ),
    );
    list.append(...this.#tabs);
    list.addEventListener('keydown', event => this.#step(event));
    holder.append(...this.#panels);
    this.#choose(0);
  }

  /** Show a tab, unless the user has chosen one. @param {string} name */
  offer(name) {
    const index = this.#tabs.findIndex(tab => tab.textContent === name);
    if (!this.#isChosen && index >= 0) this.#choose(index);
  }

  #choose(chosen) {
    this.#tabs.forEach((tab, index) => {
      tab.setAttribute('aria-selected', String(index === chosen));
      tab.tabIndex = index === chosen ? 0 : -1;
      this.#panels[index].hidden = index !== chosen;
    });
  }

  #step(event) {
    const step = STEPS[event.key];
    const from = this.#tabs.indexOf(document.activeElement);
    if (step === undefined || from < 0) return;
    event.preventDefault();
    const last = this.#tabs.length - 1;
    const to = Math.abs(step) === 1 ? (from + step + last + 1) % (last + 1) : step < 0 ? 0 : last;
    this.#isChosen = true;
    this.#choose(to);
    this.#tabs[to].focus();
  }
}
