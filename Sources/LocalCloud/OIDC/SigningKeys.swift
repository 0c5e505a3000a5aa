import JSONWebTokens

/// The keys that sign tokens: the newest signs, and those before it stay published until they are retired.
struct SigningKeys: Sendable {
    private var keys: [SigningKey]

    init() throws { keys = [try Self.make()] }

    private static func make() throws -> SigningKey { try SigningKey(.es256, id: ResourceID.hexadecimal(16)) }

    /// From now on another key signs.
    /// - Parameter retiresOthers: what the others signed can be verified no more.
    mutating func rotate(retiresOthers: Bool) throws {
        let key = try Self.make()
        if retiresOthers { keys.removeAll() }
        keys.append(key)
    }

    private var current: SigningKey { keys[keys.count - 1] }
    var currentID: String { current.id }

    func sign(_ token: IdentityToken) throws -> String { try current.sign(token) }

    /// The key set, public halves only. Source: RFC 7517.
    var published: JSONValue {
        ["keys": .array(keys.map { .object($0.published.mapValues(JSONValue.string)) })]
    }
}
