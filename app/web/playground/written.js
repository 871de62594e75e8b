// Values as the reader's language writes them: numbers, dates and times.

import { element } from './element.js';

const NUMERIC = /^-?\d+(\.\d+)?$/;

/**
 * What writes a value of a schema.
 * @param {any} schema resolved
 * @returns {((value: any) => string|Node)|null} null: the value is text, and is written as it is
 */
export function written(schema) {
  if (schema.type === 'number' || schema.type === 'integer') return number;
  if (schema.format === 'date') return day;
  if (schema.format === 'date-time') return moment;
  return isDecimal(schema) ? number : null;
}

const KINDS = [
  [({ type }) => type === 'number' || type === 'integer', 'a number'],
  [isDecimal, 'a number'],
  [({ type }) => type === 'boolean', 'yes or no'],
  [schema => schema.enum || schema.const !== undefined, 'a choice'],
  [({ format }) => format === 'date' || format === 'date-time', 'a date'],
  [({ format }) => format === 'uri', 'an address'],
  [({ format }) => Boolean(format), 'a fixed form'],
];

/**
 * What a value is that is held back until it is complete and valid: "a number". Null for a text, which
 * is shown while it grows.
 * @param {any} schema resolved
 * @returns {string|null}
 */
export function kind(schema) {
  return KINDS.find(([fits]) => fits(schema))?.[1] ?? null;
}

/** Whether a string holds a number: a decimal is sent as one, and its examples tell. */
export function isDecimal({ type, format, examples }) {
  const isText = type === 'string' && !format && examples?.length > 0;
  return isText && examples.every(example => NUMERIC.test(example));
}

function number(value) {
  if (!NUMERIC.test(String(value))) return String(value);
  const digits = String(value).split('.')[1]?.length ?? 0;
  const text = new Intl.NumberFormat(undefined, {
    useGrouping: digits > 0 || Math.abs(value) >= 10000, // a year is not 2,001
    minimumFractionDigits: Math.min(digits, 20),
    maximumFractionDigits: 20,
  });
  return element('data', { value }, text.format(value));
}

function day(value) {
  return dated(value, `${value}T00:00:00Z`, { dateStyle: 'medium', timeZone: 'UTC' });
}

function moment(value) {
  return dated(value, value, { dateStyle: 'medium', timeStyle: 'short' });
}

function dated(value, parsed, style) {
  const at = new Date(parsed);
  if (Number.isNaN(at.getTime())) return String(value);
  return element('time', { datetime: value }, new Intl.DateTimeFormat(undefined, style).format(at));
}
