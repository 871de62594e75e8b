// What each error code means to the user, and what to do.

const WORDS = {
  invalid_request: ['The request is not valid'],
  unauthorized: ['An API key is needed', 'Enter one and start again.'],
  forbidden: ['This key may not do that', 'Use another key.'],
  unknown_schema: ['There is no such schema', 'Choose one of those that there are.'],
  stream_not_found: ['The stream is not there', 'It has ended and was not kept, or never was.'],
  idempotency_conflict: ['The key names another request', 'Start again.'],
  stream_expired: ['The stream is no longer kept', 'Start again.'],
  rate_limited: ['Too many requests', 'You have reached your own limit. Wait a little.'],
  overloaded: ['The service is full', 'It takes no more streams for the moment.'],
  draining: ['The service is stopping', 'Another one takes over shortly.'],
  provider_unavailable: ["The model can't be reached", 'Its provider is down, or failed.'],
  provider_rate_limited: ['The model is busy', 'Its provider takes no more requests for now.'],
  provider_rejected: [
    'The model refused the service',
    'Its key, model name or request is wrong: the operator has to look.',
  ],
  provider_timeout: ['The model took too long', 'It fell silent, or never said anything.'],
  provider_interrupted: [
    'The model broke off',
    'The connection to it ended in the middle of the answer.',
  ],
  provider_protocol: ["The model's answer can't be read", 'It sent something that is no answer.'],
  output_truncated: ['The answer is too long', 'The model reached its length limit. Ask for less.'],
  output_refused: ['The model refused', 'It does not want to answer this. Ask differently.'],
  output_filtered: ['The answer was filtered', "The provider's content filter stopped it."],
  output_invalid: [
    'The answer does not satisfy the schema',
    'The model was asked again, and was wrong again.',
  ],
  output_too_large: ['The answer is too large', "It passed the service's limit of bytes."],
  cancelled: ['The stream was cancelled', 'Somebody has stopped it.'],
  internal: [
    'The service has a fault',
    "It is not your fault. Name the request's id to its operator.",
  ],
  unreachable: ['The service does not answer', 'Is it running?'],
  connection_lost: ['The connection was lost', 'It did not come back either.'],
  unexpected_response: [
    "That was no answer of the service's",
    'Something between it and this page has answered.',
  ],
};

/** @returns {[string, string?]} a title, and an explanation if the service's message is not enough */
export function words(code) {
  return WORDS[code] ?? ['That did not work', 'The service says no more.'];
}
