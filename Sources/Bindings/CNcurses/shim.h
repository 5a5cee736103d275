#pragma once
// ncurses as a small facade: its globals (stdscr, ESCDELAY) are shared mutable state that strict concurrency refuses, and its
// attributes, mouse masks and variadic calls are macros that Swift does not import. All of it belongs to the one UI thread.
#define NCURSES_WIDECHAR 1
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

// From <term.h>, which would bring hundreds of macros with short names.
extern int setupterm(const char *, int, int *);
extern char *tigetstr(const char *);
// Hidden behind _XOPEN_SOURCE.
extern int wcwidth(wchar_t);

// Takes the user's locale. A plain C locale becomes C.UTF-8: ncurses needs to know how wide a character is.
// Gives 1 when the user's own locale is UTF-8.
static inline int osc_take_locale(void) {
    setlocale(LC_CTYPE, "");
    const char *codeset = nl_langinfo(CODESET);
    if (strcmp(codeset, "UTF-8") == 0) return 1;
    if (strcmp(codeset, "ANSI_X3.4-1968") == 0) setlocale(LC_CTYPE, "C.UTF-8");
    return 0;
}

// 1 when the terminal can be used, 0 when it is unknown, -1 when there is no terminal database, -2 when it cannot move its
// cursor. newterm() alone would let a dumb terminal through.
static inline int osc_probe_terminal(int fd) {
    // The size is the terminal's own: LINES and COLUMNS of the environment are a shell's, often of another terminal.
    use_env(FALSE);
    use_tioctl(TRUE);
    int result = 0;
    if (setupterm(NULL, fd, &result) != OK) return result == 1 ? -2 : result;
    char *cup = tigetstr("cup");
    return cup != NULL && cup != (char *)-1 ? 1 : -2;
}

static const int osc_KEY_PASTE_START = KEY_MAX + 1;
static const int osc_KEY_PASTE_END = KEY_MAX + 2;

// stdscr is a global. newterm, unlike initscr, returns when it fails.
static inline SCREEN *osc_start(FILE *output, int mouse, int colors) {
    SCREEN *screen = newterm(NULL, output, stdin);
    if (screen == NULL) return NULL;
    set_escdelay(25);
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    // Else a flood of keys would keep the screen from being drawn.
    typeahead(-1);
    define_key("\033[200~", osc_KEY_PASTE_START);
    define_key("\033[201~", osc_KEY_PASTE_END);
    if (colors && has_colors()) {
        start_color();
        use_default_colors();
        init_pair(1, COLOR_CYAN, -1);
        init_pair(2, COLOR_RED, -1);
    }
    if (mouse) {
        mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
        mouseinterval(0);
    }
    return screen;
}

// Attributes are macros over a wide type.
enum { osc_BOLD = 1, osc_DIM = 2, osc_REVERSE = 4, osc_UNDERLINE = 8 };

static inline void osc_clear_line(int row) {
    attr_set(A_NORMAL, 0, NULL);
    move(row, 0);
    clrtoeol();
}

// Draws UTF-32 text. What the locale cannot show becomes a question mark, so no byte of it reaches the terminal raw.
static inline void osc_put(int row, int column, const unsigned *text, int count, int style, int pair) {
    attr_t attributes = A_NORMAL;
    if (style & osc_BOLD) attributes |= A_BOLD;
    if (style & osc_DIM) attributes |= A_DIM;
    if (style & osc_REVERSE) attributes |= A_REVERSE;
    if (style & osc_UNDERLINE) attributes |= A_UNDERLINE;
    attr_set(attributes, (short)pair, NULL);
    move(row, column);
    for (int i = 0; i < count; i++) {
        wchar_t character = (wchar_t)text[i];
        if (wcwidth(character) < 0) character = L'?';
        addnwstr(&character, 1);
    }
}

// How many colours there are once colours were started, and pairs of them.
static inline int osc_colors(void) { return COLORS; }
static inline int osc_color_pairs(void) { return COLOR_PAIRS; }

static inline void osc_set_pair(int pair, int ink, int ground) { init_extended_pair(pair, ink, ground); }

// The terminal shows something else in these rows than ncurses takes it to show.
static inline void osc_forget_rows(int row, int count) { wredrawln(stdscr, row, count); }

static inline void osc_show(int cursor_row, int cursor_column) {
    if (cursor_row >= 0) {
        move(cursor_row, cursor_column);
        curs_set(1);
    } else {
        curs_set(0);
    }
    wnoutrefresh(stdscr);
    doupdate();
}

// The terminal's content is not what ncurses takes it for.
static inline void osc_forget(void) { clearok(curscr, TRUE); }

// A terminal without a second screen would keep our picture below what comes next.
static inline void osc_end(void) {
    const char *second = tigetstr("smcup");
    if (second == NULL || second == (const char *)-1) {
        erase();
        refresh();
    }
    endwin();
}

// After endwin the keypad's mode would come back with the first read only, too late for the first key.
static inline void osc_resume(void) { keypad(stdscr, TRUE); }

static inline int osc_read(unsigned *code) {
    wint_t value = 0;
    int result = wget_wch(stdscr, &value);
    *code = (unsigned)value;
    return result;
}

// 1 left button, 4 and 5 the wheel, 0 anything else.
static inline int osc_mouse(int *row, int *column) {
    MEVENT event;
    if (getmouse(&event) != OK) return 0;
    *row = event.y;
    *column = event.x;
    if (event.bstate & BUTTON1_PRESSED) return 1;
    if (event.bstate & BUTTON4_PRESSED) return 4;
    if (event.bstate & BUTTON5_PRESSED) return 5;
    return 0;
}

// KEY_F is a function-like macro.
static inline int osc_KEY_F(int n) { return KEY_F(n); }

// What a crash must undo. Only one Swift file may use the three functions below: each object file has its own copy.
struct osc_terminal_undo {
    int armed;
    int fd;
    struct termios modes;
    char bytes[512];
    int count;
    int catches;
};

// A variable of a function: Swift does not emit those of a header.
static inline struct osc_terminal_undo *osc_undo(void) {
    static struct osc_terminal_undo undo;
    return &undo;
}

static inline void osc_restore_terminal(void) {
    if (!osc_undo()->armed) return;
    osc_undo()->armed = 0;
    ssize_t ignored = write(osc_undo()->fd, osc_undo()->bytes, (size_t)osc_undo()->count);
    (void)ignored;
    tcsetattr(osc_undo()->fd, TCSANOW, &osc_undo()->modes);
}

// Async-signal-safe: gives the terminal back, then dies of the signal. Not through the handler that was there: Swift's own
// asks questions on the terminal.
static inline void osc_on_crash(int number) {
    osc_restore_terminal();
    signal(number, SIG_DFL);
    raise(number);
}

static inline void osc_append(const char *text) {
    if (text == NULL || text == (char *)-1) return;
    size_t length = strlen(text);
    if (osc_undo()->count + length > sizeof osc_undo()->bytes) return;
    memcpy(osc_undo()->bytes + osc_undo()->count, text, length);
    osc_undo()->count += (int)length;
}

// Notes how to give the terminal back and catches the signals of a crash. Call it before osc_start.
static inline void osc_arm_undo(int fd) {
    osc_undo()->fd = fd;
    osc_undo()->count = 0;
    tcgetattr(fd, &osc_undo()->modes);
    osc_append("\033[?1000l\033[?1006l\033[?2004l");
    osc_append(tigetstr("sgr0"));
    osc_append(tigetstr("op"));
    osc_append(tigetstr("rmkx"));
    osc_append(tigetstr("cnorm"));
    osc_append(tigetstr("rmcup"));
    osc_append("\r");
    if (!osc_undo()->catches) {
        const int signals[] = {SIGSEGV, SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGABRT};
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = osc_on_crash;
        sigemptyset(&action.sa_mask);
        for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
            sigaction(signals[i], &action, NULL);
        osc_undo()->catches = 1;
    }
    osc_undo()->armed = 1;
}

static inline void osc_disarm_undo(void) { osc_undo()->armed = 0; }
