/// A page of a list of which an element that cannot be read does not take the others with it: for what
/// compares everybody's objects.
package struct StripePage<Element: Decodable & Sendable>: Decodable, Sendable {
    private var data: [Entry]
    package var hasMore: Bool

    enum CodingKeys: String, CodingKey {
        case data
        case hasMore = "has_more"
    }

    package struct Unreadable: Sendable {
        package var id: String?
        package var error: any Error
    }

    private struct Entry: Decodable, Sendable {
        private struct Identified: Decodable { var id: String }

        var id: String?
        var element: Result<Element, any Error>

        init(from decoder: any Decoder) throws {
            id = try? Identified(from: decoder).id
            element = Result { try Element(from: decoder) }
        }
    }

    package var read: [Element] { data.compactMap { try? $0.element.get() } }

    package var unreadable: [Unreadable] {
        data.compactMap { entry in
            guard case .failure(let error) = entry.element else { return nil }
            return Unreadable(id: entry.id, error: error)
        }
    }

    /// Where the page behind it goes on.
    package var lastID: String? { data.last { $0.id != nil }?.id }
}
