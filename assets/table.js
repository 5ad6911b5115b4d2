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
