import Foundation

/// `1 tenant`, `3 tenants`
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

/// A code of the control plane as words: `rolled_back` is `rolled back`.
func words(_ code: String) -> String { code.replacing("_", with: " ") }

/// Without line breaks and other controls, which a terminal would follow.
func oneLine(_ text: String) -> String {
    let scalars: [Unicode.Scalar] = text.unicodeScalars.map { scalar in
        scalar.properties.generalCategory == .control ? " " : scalar
    }
    var line = String.UnicodeScalarView()
    line.append(contentsOf: scalars)
    return String(line)
}

/// `v2 (sha256:0123456789ab)`; without an image it is the configuration.
func imageText(tag: String?, digest: String?) -> String {
    guard let digest else { return tag ?? "the configuration" }
    return tag.map { "\($0) (sha256:\(shortDigest(digest)))" } ?? "sha256:\(shortDigest(digest))"
}

/// The first 12 hexadecimal digits.
func shortDigest(_ digest: String?) -> String {
    guard let digest else { return "-" }
    return String((digest.split(separator: ":").last ?? "").prefix(12))
}

/// `45 s`, `2 min 10 s`, `1 h 5 min`, `2 d 3 h`
func span(_ seconds: Int) -> String {
    let (minute, hour, day) = (60, 3_600, 86_400)
    func join(_ large: String, _ rest: Int, _ small: String) -> String {
        rest == 0 ? large : "\(large) \(rest) \(small)"
    }
    return switch max(0, seconds) {
    case ..<minute: "\(max(0, seconds)) s"
    case ..<hour: join("\(seconds / minute) min", seconds % minute, "s")
    case ..<day: join("\(seconds / hour) h", seconds % hour / minute, "min")
    default: join("\(seconds / day) d", seconds % day / hour, "h")
    }
}

func tenths(_ number: Double) -> String { "\((number * 10).rounded() / 10)" }

/// A time as the control plane writes it.
struct Timestamp: Decodable, Equatable {
    var date: Date

    init(_ date: Date) { self.date = date }

    init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        date = try (try? Date(text, strategy: fractional)) ?? Date(text, strategy: .iso8601)
    }

    /// `2026-01-02T08:20:31Z`
    var text: String { date.formatted(.iso8601) }
    /// `08:20:31Z`
    var clock: String { String(text.suffix(9)) }
}
