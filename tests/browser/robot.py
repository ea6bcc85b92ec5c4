"""A robot that rates in the page, as soon as an image can be rated."""

# Runs in the page: presses a digit as soon as an image can be rated, `count` times; ms from each key to the next image.
ROBOT = """
async ({count, digits}) => {
    const frame = document.getElementById("frame");
    const ready = (before) => new Promise((resolve) => {
        const look = () => frame.dataset.trial !== before && frame.firstChild ? resolve() : setTimeout(look, 1);
        look();
    });
    const shown = (before) => new Promise((resolve) => {
        const look = () => frame.firstChild !== before ? requestAnimationFrame(() => resolve(performance.now()))
            : setTimeout(look, 0);
        look();
    });
    const times = [];
    let before = null;
    for (let n = 0; n < count; n += 1) {
        await ready(before);
        before = frame.dataset.trial;
        const picture = frame.firstChild;
        const key = String(digits[n % digits.length]);
        const pressed = performance.now();
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
        times.push(await shown(picture) - pressed);
    }
    return times;
}
"""
READY = """() => document.getElementById("frame").firstChild && document.getElementById("frame").dataset.trial"""
DIGITS = [3, 1, 4, 2, 5, 0]
