/** What the service has counted: how often it has begun a stream, and how streams have ended. */

export const service = /** @type {string} */ (process.env.SERVICE);

/** @returns {Promise<{ started: number, active: number, cancelled: number }>} */
export async function counts() {
  const text = await (await fetch(`${service}/metrics`)).text();
  /** @param {RegExp} name */
  const sum = name =>
    [...text.matchAll(name)].reduce((total, [, count]) => total + Number(count), 0);
  return {
    started: sum(/^streams_started_total\{.*\} (\S+)$/gm),
    active: sum(/^streams_active (\S+)$/gm),
    cancelled: sum(/^streams_ended_total\{code="cancelled".*\} (\S+)$/gm),
  };
}

/**
 * What has been counted since `before`, once `isSo` of it.
 *
 * @param {Awaited<ReturnType<typeof counts>>} before
 * @param {(since: { started: number, cancelled: number, active: number }) => boolean} isSo
 */
export async function since(before, isSo) {
  for (let tries = 200; ; tries--) {
    const now = await counts();
    const found = {
      started: now.started - before.started,
      cancelled: now.cancelled - before.cancelled,
      active: now.active,
    };
    if (isSo(found) || !tries) return found;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
