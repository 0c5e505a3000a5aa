import Digests

/// The platform's word to a tenant that its settings have changed: `POST` on the tenant's own hostname, which
/// everybody reaches. It carries no state and the tenant does nothing but ask the platform, so to repeat it
/// is harmless. The signature only keeps strangers from making a tenant ask.
package enum SettingsPush {
    package static let path = "/platform/settings-changed"
    package static let signatureHeader = "X-Molecule-Signature"
    package static let maximumBodyBytes = 1_024
    /// Seconds that the signer's clock may differ from the verifier's.
    package static let tolerance = 300
}

/// What a tenant and its platform sign with: derived from the tenant's admin token, which both know, so that
/// a signature says nothing about the token.
package struct PushKey: Sendable {
    fileprivate let hmac: HMACKey

    package init(adminToken: String) {
        hmac = HMACKey(HMACKey(adminToken).authenticate(Array("molecule settings push v1".utf8)).bytes)
    }
}

/// `X-Molecule-Signature: t=1700000000,v1=<64 hexadecimal digits>`, with one `v1` for each key that may be
/// the tenant's: while another token follows, the platform does not know which of the two it runs with.
///
/// A `v1` is HMAC-SHA256 over `settings-changed`, the time, the organisation's id, each ended by a newline,
/// and the body.
package enum PushSignature {
    package enum Refusal: Error, Equatable {
        case malformed
        /// Its time is too far from the verifier's.
        case stale
        case wrong
    }

    /// Longest header, with room for more keys than there are.
    static let maximumHeaderBytes = 512

    /// - Parameter time: seconds since 1970
    package static func header(_ keys: [PushKey], time: Int, org: String, body: [UInt8]) -> String {
        let signatures = keys.map { ",v1=" + signature($0, time, org, body) }
        return "t=\(time)" + signatures.joined()
    }

    /// - Parameter now: seconds since 1970
    package static func verify(
        _ header: String, _ key: PushKey, now: Int, org: String, body: [UInt8]
    ) throws(Refusal) {
        guard header.utf8.count <= maximumHeaderBytes else { throw .malformed }
        var time: Int?
        var presented: [Substring] = []
        for part in header.split(separator: ",", omittingEmptySubsequences: false) {
            if part.hasPrefix("t="), time == nil, let seconds = Int(part.dropFirst(2)) {
                time = seconds
            } else if part.hasPrefix("v1=") {
                presented.append(part.dropFirst(3))
            } else {
                throw .malformed
            }
        }
        guard let time, !presented.isEmpty else { throw .malformed }
        let distance = time.subtractingReportingOverflow(now)
        guard !distance.overflow, distance.partialValue.magnitude <= SettingsPush.tolerance else {
            throw .stale
        }
        let expected = signature(key, time, org, body)
        let matches = presented.map { $0.equalsInConstantTime(expected) }
        guard matches.contains(true) else { throw .wrong }
    }

    private static func signature(_ key: PushKey, _ time: Int, _ org: String, _ body: [UInt8]) -> String {
        key.hmac.authenticate(Array("settings-changed\n\(time)\n\(org)\n".utf8) + body).hex
    }
}
