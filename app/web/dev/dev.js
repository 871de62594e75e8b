// Loaded under `python -m app dev` alone: says what can't be served, and loads the page again when
// the schemas have changed.

let shown = null;
const source = new EventSource('dev/changes');

source.onmessage = event => {
  const { version, faults } = JSON.parse(event.data);
  if (shown !== null && version !== shown) location.reload();
  shown = version;
  tell(faults);
};

function tell(faults) {
  document.getElementById('faults')?.remove();
  if (!faults.length) return;
  const list = document.createElement('ul');
  for (const { place, reason } of faults) {
    const item = document.createElement('li');
    if (place) {
      const where = document.createElement('code');
      where.textContent = place;
      item.append(where, ' ');
    }
    item.append(reason);
    list.append(item);
  }
  const notice = document.createElement('section');
  notice.id = 'faults';
  notice.setAttribute('role', 'alert');
  notice.append('Not served as it is now. What was good before stays.', list);
  document.body.prepend(notice);
}
