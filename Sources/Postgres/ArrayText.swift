/// PostgreSQL's text form of a one-dimensional array: `{1,"two \"words\"",NULL}`.
enum ArrayText {
    /// The elements' text, nil for NULL; nil when the text is not such an array.
    static func elements(of text: UnsafeBufferPointer<UInt8>) -> [[UInt8]?]? {
        guard text.count >= 2, text.first == UInt8(ascii: "{"), text.last == UInt8(ascii: "}") else {
            return nil
        }
        var elements: [[UInt8]?] = []
        var position = 1
        let end = text.count - 1
        while position < end {
            let quoted = text[position] == UInt8(ascii: "\"")
            guard let element = quoted ? quotedElement(text, &position) : bareElement(text, &position, end)
            else {
                return nil
            }
            elements.append(!quoted && element.elementsEqual("NULL".utf8) ? nil : element)
            if position < end {
                guard text[position] == UInt8(ascii: ",") else { return nil }
                position += 1
            }
        }
        return elements
    }

    private static func quotedElement(_ text: UnsafeBufferPointer<UInt8>, _ position: inout Int) -> [UInt8]? {
        var element: [UInt8] = []
        position += 1
        while position < text.count {
            let byte = text[position]
            position += 1
            if byte == UInt8(ascii: "\"") { return element }
            if byte == UInt8(ascii: "\\"), position < text.count {
                element.append(text[position])
                position += 1
            } else {
                element.append(byte)
            }
        }
        return nil
    }

    private static func bareElement(
        _ text: UnsafeBufferPointer<UInt8>, _ position: inout Int, _ end: Int
    ) -> [UInt8]? {
        let start = position
        while position < end, text[position] != UInt8(ascii: ",") {
            guard text[position] != UInt8(ascii: "{") else { return nil }
            position += 1
        }
        return Array(text[start..<position])
    }
}
