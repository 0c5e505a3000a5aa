import NIOSSL
import Synchronization

/// Certificates by server name, in the form that the TLS listener takes.
final class MintedCertificates: Sendable {
    struct Server: Sendable {
        let chain: [NIOSSLCertificateSource]
        let key: NIOSSLPrivateKey
    }

    /// Names beyond these are minted anew each time: a stranger's names must not fill the memory.
    static let maximumKept = 20_000

    private let authority: CertificateAuthority
    private let kept = Mutex<[String: Server]>([:])

    init(_ authority: CertificateAuthority) { self.authority = authority }

    func server(_ name: String) throws -> Server {
        if let server = kept.withLock({ $0[name] }) { return server }
        let minted = try authority.mint(name)
        let server = Server(
            chain: try NIOSSLCertificate.fromPEMBytes(Array(minted.chainPEM.utf8)).map { .certificate($0) },
            key: try NIOSSLPrivateKey(bytes: Array(minted.keyPEM.utf8), format: .pem))
        kept.withLock { if $0.count < Self.maximumKept { $0[name] = server } }
        return server
    }
}
