// What all scripts share: their arguments, and one JSON object on stdout for the test to read.
//
//     node <script>.mjs URL ['{"topic": …, "parameters": {…}, "headers": {…}}']

export function given() {
  const [url, options = '{}'] = process.argv.slice(2);
  return { url, topic: 'tea', parameters: {}, headers: {}, ...JSON.parse(options) };
}

export function report(found) {
  process.stdout.write(`${JSON.stringify(found)}\n`);
}

export const words = error => (error == null ? null : String(error.message ?? error));
