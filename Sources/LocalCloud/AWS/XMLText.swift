/// Writes the XML of EC2's answers, which have elements and text and nothing else.
struct XMLText {
    private(set) var text = ""

    var document: [UInt8] { Array((#"<?xml version="1.0" encoding="UTF-8"?>"# + "\n" + text).utf8) }

    mutating func element(_ name: String, _ value: String) {
        text += "<\(name)>\(Self.escape(value))</\(name)>"
    }

    mutating func element(_ name: String, _ value: Bool) { element(name, value ? "true" : "false") }

    mutating func element(_ name: String, _ value: Int) { element(name, String(value)) }

    mutating func element(_ name: String, attributes: String = "", _ content: (inout XMLText) -> Void) {
        text += attributes.isEmpty ? "<\(name)>" : "<\(name) \(attributes)>"
        content(&self)
        text += "</\(name)>"
    }

    /// EC2's lists: one `item` an element.
    mutating func list<Element>(
        _ name: String, _ elements: some Sequence<Element>, _ content: (inout XMLText, Element) -> Void
    ) {
        element(name) { list in
            for element in elements { list.element("item") { content(&$0, element) } }
        }
    }

    static func escape(_ value: String) -> String {
        guard value.utf8.contains(where: { "&<>\"\r".utf8.contains($0) }) else { return value }
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\r": result += "&#13;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
