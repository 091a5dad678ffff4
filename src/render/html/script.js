(() => {
  'use strict';
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const areas = all('details.area');
  const results = all('.result');
  const buttons = all('.toolbar [data-show]');
  const fold = document.querySelector('[data-fold]');
  const status = document.querySelector('[role=status]');
  let shown = 'all';

  // Without this script everything stands open.
  const foldWell = () => areas.forEach((area) => { area.open = area.querySelector('.finding') !== null; });

  const nameFold = () => {
    const close = areas.some((area) => !area.hidden && area.open);
    fold.dataset.fold = close ? 'close' : 'open';
    fold.textContent = close ? 'Fold all' : 'Unfold all';
  };

  const show = (what) => {
    shown = what;
    root.dataset.show = what;
    let count = 0;
    results.forEach((result) => {
      result.hidden = what !== 'all' && result.dataset.status !== what;
      if (!result.hidden) count += 1;
    });
    areas.forEach((area) => {
      const some = area.querySelector('.result:not([hidden])') !== null;
      area.hidden = !some && what !== 'all';
      if (what !== 'all') area.open = some;
    });
    if (what === 'all') foldWell();
    buttons.forEach((button) => button.setAttribute('aria-pressed', String(button.dataset.show === what)));
    status.textContent = what === 'all' ? '' : count + ' of ' + results.length + ' results shown';
    nameFold();
  };

  const isKnown = (what) => buttons.some((button) => button.dataset.show === what);

  // #show=fail is a filter; any other fragment is a place, which must not be folded or hidden.
  const follow = () => {
    const fragment = location.hash.slice(1);
    if (fragment.startsWith('show=') && isKnown(fragment.slice(5))) {
      show(fragment.slice(5));
      return;
    }
    const place = fragment && document.getElementById(fragment);
    if (!place) return;
    if (place.hidden) show('all');
    const area = place.closest('details');
    if (area && !area.open) {
      area.open = true;
      nameFold();
    }
    place.scrollIntoView();
  };

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Pages from files may not use the clipboard directly.
      const area = document.createElement('textarea');
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand('copy');
      area.remove();
      return done;
    }
  };

  all('button.copy').forEach((button) => {
    button.addEventListener('click', async () => {
      const done = await copy(button.closest('.step').querySelector('.to-copy').textContent);
      button.textContent = done ? 'Copied' : 'Select it and copy';
      status.textContent = done ? 'Copied' : 'The browser does not let this page copy';
      button.focus();
      setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    });
  });
  buttons.forEach((button) => button.addEventListener('click', () => {
    show(button.dataset.show);
    const first = shown !== 'all' && document.querySelector('.result:not([hidden])');
    if (first) first.closest('.results').scrollIntoView();
  }));
  fold.addEventListener('click', () => {
    const open = fold.dataset.fold === 'open';
    areas.forEach((area) => { area.open = open; });
    nameFold();
  });
  let before = [];
  addEventListener('beforeprint', () => {
    before = areas.filter((area) => !area.open);
    before.forEach((area) => { area.open = true; });
  });
  addEventListener('afterprint', () => before.forEach((area) => { area.open = false; }));
  addEventListener('hashchange', follow);

  root.classList.add('scripted');
  show('all');
  follow();
})();
