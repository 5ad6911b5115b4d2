// Typing on a selected cell of the table writes into it, as in any spreadsheet. Gradio's table opens the cell for
// editing and loses the letter that was typed; so open it first, and put the letter there afterwards.
{
  let typed = null;

  function write(attempts) {
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
      if (!event.target.matches?.('#table [role="gridcell"]') || !event.key || !writes(event)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (typed !== null) {
        typed += event.key;
        return;
      }
      typed = event.key;
      event.target.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
      requestAnimationFrame(() => write(30));
    },
    true,
  );
}
