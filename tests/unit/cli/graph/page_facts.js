// What a page looks like, for tests: an object of functions that return plain values.
(() => {
  const elements = () => [...document.body.querySelectorAll("*")].filter((each) => each.checkVisibility());
  const ownText = (each) =>
    [...each.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join("").trim();
  const withText = () => elements().filter(ownText);
  const named = (each, ...facts) => [each.localName, ownText(each) || each.textContent.slice(0, 80), ...facts];

  const luminance = ([red, green, blue]) => {
    const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);
  };
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const background = (each) => {
    for (let at = each; at; at = at.parentElement) {
      const [red, green, blue, alpha = 1] = channels(getComputedStyle(at).backgroundColor);
      if (alpha > 0) return [red, green, blue];
    }
    return [255, 255, 255];
  };
  // As in WCAG 2.2, from 1 to 21.
  const contrast = (each) => {
    const both = [luminance(background(each)), luminance(channels(getComputedStyle(each).color))];
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
  };
  const box = (each) => each.getBoundingClientRect();
  const overlaps = (all, start, end) => {
    const boxes = all.map(box).sort((one, other) => one[start] - other[start]);
    return boxes.slice(1).filter((each, index) => each[start] < boxes[index][end] - 0.5).length;
  };

  return {
    // Elements whose content is larger than they are. Inline elements have no size of their own.
    cutOff: () =>
      elements()
        .filter((each) => getComputedStyle(each).display !== "inline" && !each.matches(".wide, table, tr"))
        .filter((each) => each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1)
        .map((each) => named(each)),
    smallText: (least) =>
      withText()
        .map((each) => named(each, parseFloat(getComputedStyle(each).fontSize)))
        .filter(([, , size]) => size < least),
    faintText: (least) => withText().map((each) => named(each, contrast(each))).filter(([, , found]) => found < least),
    overlappingHeaders: () =>
      overlaps([...document.querySelectorAll(".m thead th")], "left", "right") +
      overlaps([...document.querySelectorAll(".m tbody th")], "top", "bottom"),
    isWiderThanTheWindow: () => document.documentElement.scrollWidth > innerWidth,
    // The part of the table's width that is left for cells.
    shareOfCells: () => 1 - box(document.querySelector(".m tbody th")).width / box(document.querySelector(".wide")).width,
    // The names at three points of the table's edges, after it is scrolled to its end.
    namesAtTheEnd: () => {
      const wide = document.querySelector(".wide");
      wide.scrollIntoView();
      wide.scrollTo(1e6, 1e6);
      const edge = box(wide);
      const at = (x, y) => document.elementFromPoint(x, y)?.closest("th")?.textContent ?? "";
      const last = box(document.querySelector(".m tbody tr:last-child td:last-child"));
      return [
        at(edge.left + 8, edge.top + 8),
        at((last.left + last.right) / 2, edge.top + box(document.querySelector(".m thead")).height - 12),
        at(edge.left + 8, (last.top + last.bottom) / 2),
      ];
    },
    cell: (network, node) => {
      const column = [...document.querySelectorAll(".m thead th")].findIndex((each) => each.textContent === node);
      const row = [...document.querySelectorAll(".m tbody tr")].find((each) => each.cells[0].textContent === network);
      const found = row.cells[column];
      return { text: found.textContent, title: found.title, colour: channels(getComputedStyle(found).backgroundColor) };
    },
    // Number, reason and message of each visible line of the table of reasons.
    reasons: () =>
      [...document.querySelectorAll(".l tbody tr")]
        .filter((each) => each.checkVisibility() && box(each).height > 0)
        .map((each) => [...each.cells].slice(0, 3).map((cell) => cell.textContent)),
    // How many pixels of a picture have each colour, by "red,green,blue".
    colours: async (png) => {
      const image = new Image();
      image.src = `data:image/png;base64,${png}`;
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, image.width, image.height);
      const found = {};
      for (let at = 0; at < data.length; at += 4) {
        const colour = `${data[at]},${data[at + 1]},${data[at + 2]}`;
        found[colour] = (found[colour] ?? 0) + 1;
      }
      return found;
    },
  };
})()
