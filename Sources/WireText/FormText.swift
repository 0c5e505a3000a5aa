import FoundationEssentials

/// Percent-encoding: of queries and parts of a path.
package enum FormText {
    package static func encode(_ text: String) -> String {
        var bytes: [UInt8] = []
        append(text, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    package static func encode(_ pairs: [(name: String, value: String)]) -> String {
        pairs.map { encode($0.name) + "=" + encode($0.value) }.joined(separator: "&")
    }

    private static let digits = Array("0123456789ABCDEF".utf8)

    /// Everything but RFC 3986's unreserved characters is encoded.
    /// - Parameter plus: what becomes of a space: a plus, as in a form's body.
    package static func append(_ text: String, plus: Bool = false, to out: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                out.append(byte)
            case UInt8(ascii: " ") where plus: out.append(UInt8(ascii: "+"))
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
    }

    /// What is no escape stays as it is.
    package static func decode(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            guard byte == UInt8(ascii: "%"), digits.count == 2,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            else {
                bytes.append(byte)
                continue
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// `application/x-www-form-urlencoded` with a plus for a space. AWS takes `%20` as well, but a verifier that
/// parses a form and writes it again comes to this.
package enum FormBody {
    package static func encode(_ parameters: [(String, String)]) -> [UInt8] {
        var out: [UInt8] = []
        for (name, value) in parameters {
            if !out.isEmpty { out.append(UInt8(ascii: "&")) }
            FormText.append(name, plus: true, to: &out)
            out.append(UInt8(ascii: "="))
            FormText.append(value, plus: true, to: &out)
        }
        return out
    }
}
