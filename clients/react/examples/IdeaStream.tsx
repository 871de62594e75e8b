import { memo, useState } from 'react';
import { useStreamingIdeas } from 'structured-streams-react';
import type { IdeasPartial } from './schemas';

/** Ideas on a topic, which fill in while the model writes them. */
export function IdeaStream({ url = '/ideas' }) {
  const [topic, setTopic] = useState('');
  const { ideas, isStreaming, error, startStream } = useStreamingIdeas(url);

  return (
    <section aria-busy={isStreaming}>
      <form
        onSubmit={event => {
          event.preventDefault();
          startStream(topic);
        }}
      >
        <input
          aria-label="Topic"
          value={topic}
          onChange={event => setTopic(event.target.value)}
          placeholder="healthy snacks"
        />
        <button disabled={isStreaming}>{isStreaming ? 'Writing…' : 'Suggest ideas'}</button>
      </form>
      {error && <p role="alert">{error.message}</p>}
      {ideas.map((idea, index) => (
        <Idea key={index} idea={idea} />
      ))}
    </section>
  );
}

/** An idea that did not change is the same object, so `memo` leaves it alone. */
const Idea = memo(({ idea }: { idea: IdeasPartial[number] }) => (
  <article>
    <h3>{idea.title ?? '…'}</h3>
    <p>{idea.blurb ?? '…'}</p>
  </article>
));
