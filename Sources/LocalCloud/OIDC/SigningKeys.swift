import JWTKit

/// The keys that sign tokens: the newest signs, and those before it stay published until they are retired.
struct SigningKeys: Sendable {
    /// Each with its id.
    private var keys: [(id: String, key: ES256PrivateKey)]

    init() { keys = [Self.make()] }

    private static func make() -> (id: String, key: ES256PrivateKey) {
        (ResourceID.hexadecimal(16), ES256PrivateKey())
    }

    /// From now on another key signs.
    /// - Parameter retiresOthers: what the others signed can be verified no more.
    mutating func rotate(retiresOthers: Bool) {
        if retiresOthers { keys.removeAll() }
        keys.append(Self.make())
    }

    var currentID: String { keys[keys.count - 1].id }

    func sign(_ payload: some JWTPayload) async throws -> String {
        let (id, key) = keys[keys.count - 1]
        let collection = JWTKeyCollection()
        await collection.add(ecdsa: key, kid: JWKIdentifier(string: id))
        return try await collection.sign(payload, kid: JWKIdentifier(string: id))
    }

    /// The key set, public halves only. Source: RFC 7517.
    var published: JSONValue {
        let list = keys.map { id, key -> JSONValue in
            let point = key.publicKey.parameters
            return [
                "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": .string(id),
                "x": .string(point?.x.base64URL ?? ""), "y": .string(point?.y.base64URL ?? ""),
            ]
        }
        return ["keys": .array(list)]
    }
}

extension String {
    /// From base64 with either alphabet, without padding.
    var base64URL: String {
        replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
