import CCrypto
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The private authority that both the edge and the platform front are trusted by, and the key with which
/// the cloud signs identity documents. Kept as PEM files in one folder; what is missing is made there.
struct CertificateAuthority: Sendable {
    let certificate: Certificate
    private let key: PrivateKey
    /// One key serves every minted certificate: making keys is what costs.
    let serverKey: PrivateKey

    init(folder: String) throws {
        (certificate, key) = try KeyFiles(folder: folder, certificate: "ca.pem", key: "ca-key.pem")
            .loadOrMake {
                let key = try PrivateKey.generate(rsa: false)
                let template = CertificateTemplate(
                    commonName: "Local cloud private CA", days: 3650, isAuthority: true)
                return (try template.issue(for: key, by: nil), key)
            }
        serverKey = try PrivateKey.generate(rsa: false)
    }

    /// A certificate for exactly one name or address, and for the servers' key.
    func mint(_ host: String) throws -> Certificate {
        let isAddress = Subnet.parse(host) != nil
        let template = CertificateTemplate(
            commonName: String(host.prefix(64)), days: 365,
            alternativeNames: [(isAddress ? "IP:" : "DNS:") + host], isServer: true)
        return try template.issue(for: serverKey, by: (certificate, key))
    }
}

/// A certificate and its key in two files.
struct KeyFiles {
    let certificatePath: String
    let keyPath: String

    init(folder: String, certificate: String, key: String) {
        certificatePath = folder + "/" + certificate
        keyPath = folder + "/" + key
    }

    func loadOrMake(_ make: () throws -> (Certificate, PrivateKey)) throws -> (Certificate, PrivateKey) {
        if let certificate = try? String(contentsOfFile: certificatePath, encoding: .utf8),
            let key = try? String(contentsOfFile: keyPath, encoding: .utf8)
        {
            return (try Certificate(pem: certificate), try PrivateKey(pem: key))
        }
        let (certificate, key) = try make()
        try Self.write(key.pem, to: keyPath, mode: 0o600)
        try Self.write(certificate.pem, to: certificatePath, mode: 0o644)
        return (certificate, key)
    }

    private static func write(_ text: String, to path: String, mode: Int) throws {
        let attributes: [FileAttributeKey: Any] = [.posixPermissions: mode]
        let made = FileManager.default.createFile(
            atPath: path, contents: Data(text.utf8), attributes: attributes)
        guard made else { throw DriverError(description: "cannot write \(path)") }
    }
}
