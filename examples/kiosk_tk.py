"""A touch form for an amount or a PIN: write a digit, see it read as you write, be asked when it could be two.

    python examples/kiosk_tk.py --mode pin --length 4

A keyboard's digits, Backspace, Return and Escape work too. What was entered is printed, and the exit code is 0; where
the form is closed before it is done, nothing is printed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from tkinter import font, ttk

from edgedigits import Recognizer

PAPER, CARD, FAINT, MUTED, INK, ACCENT = "#eef1f5", "#ffffff", "#d9dfe7", "#8491a3", "#1d2b45", "#1f5fbf"
LETTERS = {"text": 0.06, "choice": 0.09, "field": 0.12, "live": 0.25}
"""Their heights, as shares of the window's."""


@dataclass(frozen=True)
class Form:
    """What is asked for: from how many digits it is complete, how many fit, what is shown and what printed of them."""

    name: str
    shortest: int
    longest: int
    shown: Callable[[str], str]
    printed: Callable[[str], str]


def amount(length: int) -> Form:
    """Digits come in from the right, as at a card terminal: 1, 7, 0 is 1.70."""

    def shown(digits: str) -> str:
        whole, cents = divmod(int(digits or 0), 100)
        return f"{whole:,}.{cents:02}"

    return Form("Amount", 1, length, shown, lambda digits: shown(digits).replace(",", ""))


def pin(length: int) -> Form:
    """A dot for each digit, filled once it is there."""
    return Form("PIN", length, length, lambda digits: "●" * len(digits) + "○" * (length - len(digits)), str)


class Kiosk:
    """One form in a window; `entered` is what came of it, None while it is not done.

    What is written counts as a digit once the pen has been up for `pause` milliseconds.
    """

    def __init__(self, window: tk.Tk, recognizer: Recognizer, form: Form, pause: int) -> None:
        self.window, self.recognizer, self.form, self.pause = window, recognizer, form, pause
        self.entered: str | None = None
        self.digits = ""
        self.strokes: list[list[tuple[float, float]]] = []
        self.timer: str | None = None

        self.fonts = {name: font.nametofont("TkDefaultFont").copy() for name in LETTERS}
        self.style = self._paint()
        window.configure(background=PAPER, padx=6, pady=10)
        window.columnconfigure(1, weight=1)
        window.rowconfigure(1, weight=1)
        ttk.Label(window, text=form.name).grid(row=0, column=0, padx=5)
        self.field = ttk.Label(window, font=self.fonts["field"], anchor="e")
        self.field.grid(row=0, column=1, sticky="ew", padx=5)
        self.pad = tk.Canvas(window, background=CARD, highlightbackground=FAINT, width=1, height=1, cursor="pencil")
        self.pad.grid(row=1, columnspan=2, sticky="nsew", padx=5, pady=10)
        self.message = self.pad.create_text(16, 12, anchor="nw", fill=INK, font=self.fonts["text"])
        self.live = self.pad.create_text(0, 0, anchor="ne", fill=MUTED, font=self.fonts["live"])
        *self.choices, again = self._buttons(("", "Choice.TButton"), ("", "Choice.TButton"), ("Again", "TButton"))
        erase, self.done = self._buttons(("Erase last", "TButton"), ("Done", "Main.TButton"))
        again.configure(command=self.erase)
        erase.configure(command=self.erase)
        self.done.configure(command=self.finish)

        self.pad.bind("<ButtonPress-1>", self.pen_down)
        self.pad.bind("<B1-Motion>", self.pen_moves)
        self.pad.bind("<ButtonRelease-1>", self.pen_up)
        window.bind("<Configure>", self.resize)
        window.bind("<Key>", self.key)
        self.show()

    def _paint(self) -> ttk.Style:
        style = ttk.Style()
        style.theme_use("clam")  # takes colours on every system; the systems' own themes do not
        style.configure(".", background=PAPER, foreground=INK, font=self.fonts["text"])
        for name, fill, text in (("TButton", FAINT, INK), ("Main.TButton", ACCENT, CARD)):
            style.configure(name, background=fill, foreground=text, anchor="center", width=1, borderwidth=0)
            style.map(name, background=[("disabled", FAINT), ("active", fill)], foreground=[("disabled", MUTED)])
        style.configure("Choice.TButton", font=self.fonts["choice"])
        return style

    def _buttons(self, *labels: tuple[str, str]) -> list[ttk.Button]:
        """A row of buttons of one width. Rows lie upon one another, and the one that is raised is seen."""
        row = ttk.Frame(self.window)
        row.grid(row=2, columnspan=2, sticky="nsew")
        row.rowconfigure(0, weight=1)
        buttons = [ttk.Button(row, text=text, style=style, takefocus=False) for text, style in labels]
        for column, button in enumerate(buttons):
            row.columnconfigure(column, weight=1, uniform="button")
            button.grid(row=0, column=column, sticky="nsew", padx=5)
        return buttons

    def resize(self, _: tk.Event[tk.Misc]) -> None:
        """Let letters and buttons grow with the window."""
        width, height = self.window.winfo_width(), self.window.winfo_height()
        for name, share in LETTERS.items():
            self.fonts[name].configure(size=-round(share * min(height, 0.75 * width)))  # negative: pixels, not points
        self.style.configure("TButton", padding=height // 60)
        self.pad.coords(self.live, self.pad.winfo_width() - 16, 4)

    def key(self, event: tk.Event[tk.Misc]) -> None:
        """A digit is taken as it is; the other keys are as good as the buttons."""
        if event.keysym == "Escape":
            self.window.destroy()
        elif event.keysym == "BackSpace":
            self.erase()
        elif event.keysym in ("Return", "KP_Enter"):
            self.finish()
        elif event.char and event.char in "0123456789":
            self.take(event.char)

    def pen_down(self, event: tk.Event[tk.Canvas]) -> None:
        """Begin a stroke: another of the same digit, or the first of a new one."""
        self.hold()
        if not self.strokes:
            self.show("")
        self.strokes.append([])
        self.pen_moves(event)

    def pen_moves(self, event: tk.Event[tk.Canvas]) -> None:
        """Draw the stroke and read the digit, as far as they have come."""
        if not self.strokes:  # a key was faster
            return
        stroke, name, width = self.strokes[-1], f"stroke{len(self.strokes)}", max(5, self.pad.winfo_height() // 20)
        stroke.append((event.x, event.y))
        self.pad.delete(name)
        line = [stroke[0], *stroke]  # a dot, too, has two ends
        self.pad.create_line(line, fill=INK, width=width, capstyle="round", smooth=True, tags=("ink", name))
        reading = self.recognizer.read_strokes(self.strokes)
        self.pad.itemconfigure(self.live, text=reading.text if reading.accepted else f"{reading.text}?")

    def pen_up(self, _: tk.Event[tk.Canvas]) -> None:
        """Leave time for another stroke."""
        if self.strokes:
            self.timer = self.window.after(self.pause, self.settle)

    def hold(self) -> None:
        """Have nothing settled by itself."""
        if self.timer:
            self.window.after_cancel(self.timer)

    def settle(self) -> None:
        """Take the digit, ask which of two it is, or ask for it again."""
        self.hold()
        reading, self.strokes = self.recognizer.read_strokes(self.strokes), []
        if reading.accepted:
            self.take(reading.text)
        elif reading.reason == "unsure":
            self.ask(reading.digits[0].value, reading.digits[0].runner_up)
        else:
            self.show("That was no digit: write it again.")

    def ask(self, *values: int) -> None:
        """Which of two digits is it? What was written stays in sight."""
        for button, value in zip(self.choices, values, strict=True):
            button.configure(text=value, command=partial(self.take, str(value)))
        self.choices[0].master.tkraise()
        self.pad.itemconfigure("ink", fill=MUTED)
        self.pad.itemconfigure(self.live, text="")
        self.say("{} or {}?".format(*(f"an {value}" if value == 8 else f"a {value}" for value in values)).capitalize())

    def take(self, digit: str) -> None:
        """Put a digit into the field, if it fits."""
        self.digits = (self.digits + digit)[: self.form.longest]
        self.show()

    def erase(self) -> None:
        """Erase what was written last: what is on the pad, else a digit in the field."""
        if not self.pad.find_withtag("ink"):
            self.digits = self.digits[:-1]
        self.show()

    def finish(self) -> None:
        """Be done, once everything that was written has been seen in the field."""
        if self.strokes:
            self.settle()
        elif not self.pad.find_withtag("ink") and len(self.digits) >= self.form.shortest:
            self.entered = self.form.printed(self.digits)
            self.window.destroy()

    def show(self, message: str | None = None) -> None:
        """An empty pad, the field as it now is, and a message: without one, what to do next."""
        self.hold()
        self.strokes = []
        self.pad.delete("ink")
        self.pad.itemconfigure(self.live, text="")
        self.field.configure(text=self.form.shown(self.digits))
        self.done.state(["!disabled" if len(self.digits) >= self.form.shortest else "disabled"])
        self.done.master.tkraise()
        is_full = len(self.digits) == self.form.longest
        self.say(message if message is not None else "That is all: press Done." if is_full else "Write a digit.")

    def say(self, message: str) -> None:
        """On the pad, and in the title, which is all that a screen reader is told."""
        self.pad.itemconfigure(self.message, text=message)
        self.window.title(f"{self.form.name} {self.form.shown(self.digits)} {message}".rstrip())


def main() -> int:
    """Ask, and print what was entered."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=["amount", "pin"], default="amount")
    parser.add_argument("--length", type=int, choices=range(1, 13), metavar="N", help="1 to 12 digits")
    parser.add_argument("--pause", type=int, default=700, help="milliseconds with the pen up that end a digit")
    asked = parser.parse_args()
    form = pin(asked.length or 4) if asked.mode == "pin" else amount(asked.length or 8)

    recognizer = Recognizer()
    recognizer.warmup()
    window = tk.Tk()
    window.geometry("800x480")
    window.minsize(320, 240)
    window.focus_force()  # where no window manager runs, nobody else gives it the keyboard
    kiosk = Kiosk(window, recognizer, form, asked.pause)
    window.mainloop()
    if kiosk.entered is None:
        return 1
    sys.stdout.write(f"{kiosk.entered}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
