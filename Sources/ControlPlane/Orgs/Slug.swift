/// The name of an organisation in its hostname: `^[a-z][a-z0-9-]{2,31}$`, immutable.
struct Slug: Sendable, Hashable, CustomStringConvertible {
    static let lengths = 3...32
    /// Hostnames that the platform itself uses, or may.
    static let reserved: Set<String> = [
        "api", "app", "www", "admin", "cp", "auth", "billing", "status", "mail", "localhost", "internal",
        "edge",
    ]

    let text: String
    var description: String { text }

    /// - Throws: `AppError` `invalid_slug` that says what a slug looks like.
    init(_ text: String) throws {
        let bytes = Array(text.utf8)
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard Self.lengths.contains(bytes.count), letters.contains(bytes[0]),
            bytes.allSatisfy({ letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "-") })
        else {
            throw AppError.invalidField(
                "slug", "A slug has 3 to 32 characters of a-z, 0-9 and -, and begins with a letter.")
        }
        self.text = text
    }

    /// A slug that a new organisation may take.
    static func forNewOrg(_ text: String) throws -> Slug {
        let slug = try Slug(text)
        guard !reserved.contains(slug.text) else {
            throw AppError.invalidField("slug", "The slug \"\(slug)\" is reserved. Choose another.")
        }
        return slug
    }
}
