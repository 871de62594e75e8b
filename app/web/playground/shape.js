// Reads a JSON Schema, so that a place can be drawn before its value is there.

import { parts } from './pointer.js';

const HEADS = /\b(name|title|heading|headline|label|product|item)$/i; // names of short texts
const WORDS =
  /\b(street|city|town|region|state|country|zip|postcode|e-?mail|phone|code|author|role|job|unit|category|genre|kind|type|status|colou?r|company|currency)$/i;
const COLUMNS = 5; // the most of a table
const SHORT = 60; // characters of a text that fits into a table

/**
 * A schema with its references followed and without `null`.
 * @returns {any} a schema whose `nullable` says whether it allowed null
 */
export function resolve(root, schema) {
  let found = schema ?? {};
  let nullable = false;
  for (let depth = 0; depth < 20; depth++) {
    const { $ref, anyOf, oneOf, allOf, ...beside } = found;
    const choices = anyOf ?? oneOf;
    if ($ref) found = { ...follow(root, $ref), ...beside };
    else if (allOf?.length === 1) found = { ...allOf[0], ...beside };
    else if (choices) {
      const left = choices.filter(choice => choice.type !== 'null');
      nullable ||= left.length < choices.length;
      if (left.length !== 1) return { ...found, choices: left, nullable };
      found = { ...beside, ...left[0] };
    } else break;
  }
  if (Array.isArray(found.type)) {
    nullable ||= found.type.includes('null');
    const types = found.type.filter(type => type !== 'null');
    found = { ...found, type: types.length === 1 ? types[0] : undefined };
  }
  return { ...found, nullable };
}

/** The schema of a union that a value belongs to, by its constants and its keys. */
export function choose(root, choices, value) {
  const keys = Object.keys(value);
  const known = choices.map(choice => resolve(root, choice)).filter(choice => choice.properties);
  const fits = known.filter(
    ({ properties }) =>
      keys.every(key => key in properties) &&
      Object.entries(properties).every(
        ([key, { const: constant }]) => constant === undefined || value[key] === constant,
      ),
  );
  return fits[0] ?? {};
}

/** The fields that get a lane in the timeline: those of an object, or of a list's elements. */
export function lanes(root) {
  const whole = resolve(root, root);
  const part = whole.items ? resolve(root, whole.items) : whole;
  const fields = part.properties ?? {};
  const names = Object.keys(fields);
  return { names: names.length ? names : [''], fields };
}

/**
 * A field's label: `prep_time_minutes` is "Prep time minutes".
 * @param {string} name
 * @param {any} [schema] of the field as its object has it, with references not followed: the title
 *   of a type would be the same for two fields
 */
export function label(name, schema = {}) {
  const words = name
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .replaceAll('_', ' ')
    .trim();
  const given = schema.title ?? words;
  if (/^(url|uri|id|ip|api|isbn|sku)$/i.test(words)) return words.toUpperCase();
  const isName =
    given.replaceAll(' ', '').toLowerCase() === words.replaceAll(' ', '').toLowerCase();
  const plain = isName ? words.toLowerCase() : given;
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** Whether all fields of an object are short: a list of such objects is shown as a table. */
export function isFlat(root, schema) {
  const fields = Object.values(schema.properties ?? {}).map(inner => resolve(root, inner));
  const isShort = field => isScalar(field) && (field.type !== 'string' || longest(field) <= SHORT);
  return fields.length > 1 && fields.length <= COLUMNS && fields.every(isShort);
}

/** Whether a value of a schema is a word, a number or a text. */
export function isScalar(schema) {
  const types = ['string', 'number', 'integer', 'boolean'];
  return types.includes(schema.type) || Boolean(schema.enum) || schema.const !== undefined;
}

/** Whether a place holds running text, and not a word or a number. */
export function isProse(schema) {
  return (
    schema.type === 'string' &&
    !schema.enum &&
    !schema.const &&
    !schema.format &&
    longest(schema) > 30
  );
}

/** How many characters to expect of a string: its bound, its examples and its name tell. */
export function longest(schema) {
  const examples = (schema.examples ?? []).filter(example => typeof example === 'string');
  if (schema.enum || schema.const || schema.format) return 12;
  const bound = schema.maxLength ?? Infinity;
  const seen = Math.max(0, ...examples.map(example => example.length));
  return Math.min(bound, seen ? seen * 1.5 : usual(schema.title ?? ''));
}

function usual(name) {
  if (WORDS.test(name)) return 30;
  return HEADS.test(name) ? 60 : 120;
}

function follow(root, reference) {
  return parts(reference).reduce((at, part) => at?.[part], root) ?? {};
}
