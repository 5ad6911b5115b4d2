// Typing on a selected cell of the table writes into it, as in any spreadsheet. Gradio's table opens the cell for
// editing and loses the letter that was typed; so open it first, and put there what was typed until it is open.
{
  let typed = null;

  function write(attempts) {
    if (typed === null) return;
    const editor = document.querySelector("#table textarea:focus");
    if (editor) {
      editor.select();
      document.execCommand("insertText", false, typed);
    } else if (attempts > 0) {
      return requestAnimationFrame(() => write(attempts - 1));
    }
    typed = null;
  }

  // Keys that write nothing have names such as "Enter"; those that write may give several code points.
  function writes(event) {
    const named = /^[A-Z][A-Za-z0-9]+$/.test(event.key);
    const shortcut = (event.ctrlKey && !event.getModifierState("AltGraph")) || event.metaKey;
    return !named && !shortcut && !event.isComposing;
  }

  document.addEventListener(
    "keydown",
    (event) => {
      // Not the Enter that is sent from here.
      if (!event.isTrusted || !event.key) return;
      if (!event.target.matches?.('#table :is([role="gridcell"], textarea)')) return;
      const opening = typed !== null;
      if (!opening && event.target.matches("textarea")) return;
      if (["Shift", "AltGraph", "CapsLock", "Dead"].includes(event.key)) return;
      if (!writes(event)) {
        if (document.querySelector("#table textarea:focus")) return write(0);
        // Too early by a moment: rather this key is lost than the letters before it.
        if (opening) event.preventDefault(), event.stopImmediatePropagation();
        return;
      }
      event.preventDefault();
      event.stopImmediatePropagation();
      typed = (typed ?? "") + event.key;
      if (opening) return;
      event.target.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
      requestAnimationFrame(() => write(30));
    },
    true,
  );
}

// Where somebody has pressed the mouse, a finger or a key last.
let touched = null;
for (const kind of ["pointerdown", "keydown"]) {
  document.addEventListener(kind, (event) => event.isTrusted && (touched = event.target), true);
}

// Bring a row into sight, with the cell that is asked for selected; where one row at a time is shown, that form.
// The table draws only the rows that are in sight, so it is scrolled until the row is there. Which row it is, a
// part of the page says in data-row.
window.goToRow = (where, column) => {
  const named = document.querySelector(`${where} [data-row]`);
  if (!named) return;
  const row = Number(named.dataset.row);
  const form = document.querySelector("#row-form");
  if (form?.offsetParent) return form.scrollIntoView({ block: "center" });
  const back = document.activeElement?.closest("#finder") && document.activeElement;

  const find = () => document.querySelector(`#table [data-testid="cell-${row}-${column}"]`);
  let still = 0;

  function look(attempts) {
    // Nobody is taken away from where they have gone on in the table meanwhile.
    if (touched?.closest?.("#table")) return;
    const cell = find();
    const scroller = document.querySelector("#table .virtual-table-viewport");
    const drawn = [...document.querySelectorAll("#table [data-row]")].map((each) => Number(each.dataset.row));
    if (!scroller || !drawn.length || attempts === 0) return;
    const before = scroller.scrollTop;
    if (cell) {
      const [inside, outside] = [cell.getBoundingClientRect(), scroller.getBoundingClientRect()];
      scroller.scrollTop += inside.top + inside.height / 2 - outside.top - outside.height / 2;
    } else {
      const [first, last] = [Math.min(...drawn), Math.max(...drawn)];
      scroller.scrollTop += ((row - first) * scroller.clientHeight) / (last - first + 1);
    }
    // Rows that are drawn for the first time may be higher than was thought, and then all below them move.
    still = cell && Math.abs(scroller.scrollTop - before) < 1 ? still + 1 : 0;
    if (still < 5) return requestAnimationFrame(() => look(attempts - 1));
    cell.scrollIntoView({ block: "nearest" });
    cell.dispatchEvent(new MouseEvent("mousedown", { bubbles: true }));
    cell.click();
    // Gradio gives the cell the focus a moment later.
    if (back) setTimeout(() => back.focus({ preventScroll: true }), 100);
  }

  requestAnimationFrame(() => look(90));
};

// Gradio hears of what is written into a text box only where a key was pressed that writes: not of what is deleted,
// pasted, dictated, corrected, or typed on most phones. So for those such a key is made up.
{
  let pressed = false;
  const box = (event) => event.target.matches?.('[data-testid="textbox"]');
  document.addEventListener("keypress", (event) => event.isTrusted && box(event) && (pressed = true), true);
  document.addEventListener(
    "input",
    (event) => {
      if (!box(event)) return;
      if (!pressed) event.target.dispatchEvent(new KeyboardEvent("keypress", { bubbles: true }));
      pressed = false;
    },
    true,
  );
}
