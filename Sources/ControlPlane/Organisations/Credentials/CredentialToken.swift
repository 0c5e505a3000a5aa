import Digests

/// Whose tokens are kept in `credentials`: one table for the three kinds that are issued by name.
package enum CredentialKind: String, Sendable, CaseIterable {
    case `operator`, partner, org

    /// By which a token, also one that lies about somewhere, is recognised.
    package var prefix: String {
        switch self {
        case .operator: "mol_op_"
        case .partner: "mol_pk_live_"
        case .org: "mol_ot_"
        }
    }

    /// Random bytes behind the prefix, as hexadecimal digits. A partner key's length is in the contract.
    var randomBytes: Int { self == .partner ? 16 : 32 }
}

/// A token of the right form. That it opens something is for the table to say.
package struct CredentialToken: Sendable {
    /// Of every kind: what is kept of the token to recognise it by.
    static let shownLength = 16

    package let kind: CredentialKind
    package let text: String

    package static func random(_ kind: CredentialKind) -> CredentialToken {
        CredentialToken(kind: kind, text: kind.prefix + RandomSecret.hex(bytes: kind.randomBytes))
    }

    private init(kind: CredentialKind, text: String) {
        self.kind = kind
        self.text = text
    }

    /// nil for everything that was never issued, by its form alone: no such token costs a look into the
    /// table.
    package init?(_ text: String) {
        guard let kind = CredentialKind.allCases.first(where: { text.hasPrefix($0.prefix) }) else {
            return nil
        }
        let random = text.utf8.dropFirst(kind.prefix.utf8.count)
        guard random.count == 2 * kind.randomBytes, random.allSatisfy(Self.isHexDigit) else { return nil }
        self.init(kind: kind, text: text)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    package var hash: TokenHash { TokenHash(of: text) }
    var shownPrefix: String { String(text.prefix(Self.shownLength)) }
}
