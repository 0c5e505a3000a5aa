import CSSL
import Synchronization

/// What every TLS connection of a listener starts from: TLS 1.2 at least, `http/1.1` by ALPN, and for each
/// name that a client asks for a certificate of its own, minted on first use.
///
/// One certificate a name: OpenSSL and curl refuse `*.localhost`, a wildcard over a whole top-level domain.
/// libssl allows an `SSL_CTX` to be shared by threads once it is set up.
final class TLSServer: @unchecked Sendable {
    let context: OpaquePointer
    private let minted: MintedCertificates

    /// - Parameter fallback: the name or address that a client gets a certificate for if it asks for none.
    init(_ authority: CertificateAuthority, fallback: String) throws {
        guard let context = cssl_server_context() else { throw CryptoError("making a TLS context") }
        self.context = context
        minted = MintedCertificates(authority)
        try authority.mint(fallback).withPointer { try require(SSL_CTX_use_certificate(context, $0)) }
        try authority.serverKey.withPointer { try require(SSL_CTX_use_PrivateKey(context, $0)) }
        SSL_CTX_set_alpn_select_cb(context, selectHTTP11, nil)
        cssl_on_server_name(context, useNamedCertificate, Unmanaged.passUnretained(minted).toOpaque())
    }

    deinit { SSL_CTX_free(context) }

    private func require(_ status: Int32) throws {
        guard status == 1 else { throw CryptoError("setting up a TLS context") }
    }
}

/// Certificates by server name; they all share the authority's key for servers.
private final class MintedCertificates: Sendable {
    /// Names beyond these are minted again each time: a stranger's names must not fill the memory.
    static let maximumKept = 20_000

    private let authority: CertificateAuthority
    private let kept = Mutex<[String: Certificate]>([:])

    init(_ authority: CertificateAuthority) { self.authority = authority }

    func certificate(_ name: String) throws -> Certificate {
        if let certificate = kept.withLock({ $0[name] }) { return certificate }
        let certificate = try authority.mint(name)
        kept.withLock { if $0.count < Self.maximumKept { $0[name] = certificate } }
        return certificate
    }
}

/// Answers SNI: what is no host name (RFC 1123) gets the listener's own certificate.
private func useNamedCertificate(
    _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _ minted: UnsafeMutableRawPointer?
) -> Int32 {
    guard let ssl, let minted, let text = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else {
        return SSL_TLSEXT_ERR_NOACK
    }
    let name = String(cString: text).lowercased()
    guard isHostName(name) else { return SSL_TLSEXT_ERR_NOACK }
    let certificates = Unmanaged<MintedCertificates>.fromOpaque(minted).takeUnretainedValue()
    do {
        let status = try certificates.certificate(name).withPointer { SSL_use_certificate(ssl, $0) }
        return status == 1 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL
    } catch {
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
}

private func isHostName(_ name: String) -> Bool {
    let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return name.utf8.count <= 253
        && labels.allSatisfy { label in
            (1...63).contains(label.count)
                && label.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                        UInt8(ascii: "-"), UInt8(ascii: "_"):
                        true
                    default: false
                    }
                }
        }
}

/// Answers ALPN; a client that offers other protocols alone is served without one.
private func selectHTTP11(
    _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenLength: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredLength: UInt32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let chosen, let chosenLength, let offered else { return SSL_TLSEXT_ERR_NOACK }
    let offers = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
    var start = 0
    while start < offers.count {
        let end = min(start + 1 + Int(offers[start]), offers.count)
        if offers[(start + 1)..<end].elementsEqual("http/1.1".utf8) {
            chosen.pointee = offered + start + 1
            chosenLength.pointee = offers[start]
            return SSL_TLSEXT_ERR_OK
        }
        start = end
    }
    return SSL_TLSEXT_ERR_NOACK
}
