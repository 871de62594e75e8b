// Keeps the place that is being written on the screen, until the user scrolls elsewhere.

import { byId } from './element.js';

const MARGIN = 96; // pixels below the writing, at least
const PAUSE = 500; // milliseconds that a smooth scroll takes
const KEYS = ['PageUp', 'PageDown', 'ArrowUp', 'ArrowDown', 'Home', 'End', ' '];

export class Follow {
  #back = byId('back');
  #answer = byId('answer');
  #above = [...this.#answer.querySelectorAll('.bar, .live')]; // what may stay above the writing
  #isFollowing = true;
  #until = 0; // until when a scroll of ours is under way

  constructor() {
    const leave = () => {
      this.#isFollowing = false;
    };
    for (const event of ['wheel', 'touchmove']) addEventListener(event, leave, { passive: true });
    // A press on the scroll bar has the root element as its target.
    addEventListener('pointerdown', event => {
      if (event.target === document.documentElement) leave();
    });
    addEventListener('keydown', event => {
      if (KEYS.includes(event.key) && !event.target.closest?.('input, select, textarea')) leave();
    });
    this.#back.addEventListener('click', () => this.#again());
  }

  /**
   * A stream begins: follow it. On a narrow page the answer is below the form.
   * @param {boolean} isGreeting nobody has asked for it: the page stays where it is
   */
  begin(isGreeting = false) {
    this.#again();
    this.#isFollowing = !isGreeting;
    if (isGreeting) return;
    const { top } = this.#answer.getBoundingClientRect();
    if (top < innerHeight * 0.6) return;
    this.#answer.scrollIntoView({ behavior: isCalm() ? 'auto' : 'smooth' });
    this.#until = isCalm() ? 0 : performance.now() + PAUSE;
  }

  #again() {
    this.#isFollowing = true;
    this.#until = 0;
  }

  /** The stream has ended otherwise than it should: show what happened. */
  tell() {
    if (!this.#isFollowing || this.#answer.getBoundingClientRect().top >= 0) return;
    this.#answer.scrollIntoView({ behavior: isCalm() ? 'auto' : 'smooth' });
  }

  /** @param {HTMLElement|null} open what is being written; null: nothing is */
  show(open) {
    this.#back.hidden = !open || this.#isFollowing || isSeen(open);
    if (!open || !this.#isFollowing || performance.now() < this.#until) return;
    const { top, bottom } = open.getBoundingClientRect();
    const ceiling = Math.max(...this.#above.map(each => each.getBoundingClientRect().bottom));
    const end = Math.min(bottom, top + innerHeight / 3);
    if (end < innerHeight - MARGIN && top > ceiling) return;
    scrollBy({
      top: Math.min(end - innerHeight * 0.7, top - ceiling - 24),
      behavior: isCalm() ? 'auto' : 'smooth',
    });
    this.#until = isCalm() ? 0 : performance.now() + PAUSE;
  }
}

/** Whether the user prefers a page on which little moves. */
export function isCalm() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

function isSeen(open) {
  const { top, bottom } = open.getBoundingClientRect();
  return bottom > 60 && top < innerHeight - 20;
}
