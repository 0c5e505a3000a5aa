import Foundation

/// The terminal that standard output is, if it is one.
enum Terminal {
    /// Whether lines can be drawn again in their place.
    static var isInteractive: Bool {
        isatty(1) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// 80 and 24 where it does not say.
    static var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Draws lines over those that were drawn before.
    /// - Parameter drawn: how many these are.
    static func redraw(_ lines: [String], over drawn: Int) {
        let up = drawn > 0 ? "\u{1B}[\(drawn)A" : ""
        let text = lines.map { "\u{1B}[2K\($0)\n" }.joined()
        // What is left of more lines goes.
        FileHandle.standardOutput.write(Data((up + text + "\u{1B}[J").utf8))
    }
}
