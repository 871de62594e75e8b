/** In a page: components with the hooks, which a test mounts; and what was committed, when. */
import { StrictMode, memo, useEffect, useLayoutEffect, useState } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { useStream } from 'structured-streams-react';
import { IdeaStream } from '../examples/IdeaStream';

const PARAMS = { topic: 'tea', count: 5 };

let frame = 0;
requestAnimationFrame(function next() {
  frame++;
  requestAnimationFrame(next);
});

/** @param {{ idea: unknown, at: number }} props */
function Card({ idea, at }) {
  useLayoutEffect(() => {
    (page.cards[at] ??= []).push(JSON.stringify(idea));
  });
  return null;
}
const Memoized = memo(Card);

/** @param {{ url: string, options?: object, begins?: boolean }} props */
function Reader({ url, options, begins }) {
  const hook = useStream(url, options);
  const { start } = hook;
  useEffect(() => {
    if (begins) start(PARAMS);
  }, [begins, start]);
  useLayoutEffect(() => {
    page.hook = hook;
    page.commits.push({ frame, ...hook });
  });
  return (hook.value ?? []).map((/** @type {unknown} */ idea, /** @type {number} */ at) => (
    <Memoized key={at} idea={idea} at={at} />
  ));
}

/** @param {{ kind: string, props: any }} what */
function Shown({ kind, props }) {
  const [current, change] = useState(props);
  page.change = more =>
    flushSync(() => change((/** @type {object} */ props) => ({ ...props, ...more })));
  return kind === 'IdeaStream' ? <IdeaStream {...current} /> : <Reader {...current} />;
}

const page = {
  hook: /** @type {ReturnType<typeof useStream> | null} */ (null),
  commits: /** @type {object[]} */ ([]),
  cards: /** @type {string[][]} */ ([]),
  root: createRoot(/** @type {Element} */ (document.getElementById('root'))),
  change: /** @type {(more: object) => void} */ (() => {}),

  start: () => page.hook?.start(PARAMS),
  unmount: () => page.root.unmount(),
  /**
   * @param {string} kind
   * @param {{ strict?: boolean }} props
   */
  mount(kind, { strict, ...props }) {
    const shown = <Shown kind={kind} props={props} />;
    page.root.render(strict ? <StrictMode>{shown}</StrictMode> : shown);
  },
};

Object.assign(window, { page });
