import CCrypto

/// libcrypto refused; carries its own reason.
struct CryptoError: Error, CustomStringConvertible {
    let operation: String
    let reason: String

    init(_ operation: String) {
        self.operation = operation
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(ERR_get_error(), &text, text.count)
        reason = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    var description: String { "\(operation): \(reason)" }
}

/// A private key as PEM text: a value that any task may hold, parsed where it is used.
struct PrivateKey: Sendable {
    let pem: String

    /// - Throws: when the text holds no private key.
    init(pem: String) throws {
        self.pem = pem
        try withPointer { _ in }
    }

    /// RSA with 2,048 bits, or EC on P-256.
    static func generate(rsa: Bool) throws -> PrivateKey {
        let context = EVP_PKEY_CTX_new_id(rsa ? EVP_PKEY_RSA : EVP_PKEY_EC, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1,
            (rsa
                ? EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048)
                : EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1)) == 1,
            EVP_PKEY_keygen(context, &key) == 1
        else { throw CryptoError("making a key") }
        defer { EVP_PKEY_free(key) }
        let bio = MemoryBIO()
        guard PEM_write_bio_PrivateKey(bio.pointer, key, nil, nil, 0, nil, nil) == 1 else {
            throw CryptoError("writing a key")
        }
        return try PrivateKey(pem: bio.text)
    }

    func withPointer<Result>(_ body: (OpaquePointer) throws -> Result) throws -> Result {
        let bio = MemoryBIO(pem)
        guard let key = PEM_read_bio_PrivateKey(bio.pointer, nil, nil, nil) else {
            throw CryptoError("reading a private key")
        }
        defer { EVP_PKEY_free(key) }
        return try body(key)
    }

    /// RSA or ECDSA over SHA-256.
    func sign(_ message: [UInt8]) throws -> [UInt8] {
        try withPointer { key in
            let context = EVP_MD_CTX_new()
            defer { EVP_MD_CTX_free(context) }
            var length = 0
            guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key) == 1,
                EVP_DigestSign(context, nil, &length, message, message.count) == 1
            else { throw CryptoError("signing") }
            var signature = [UInt8](repeating: 0, count: length)
            guard EVP_DigestSign(context, &signature, &length, message, message.count) == 1 else {
                throw CryptoError("signing")
            }
            return Array(signature.prefix(length))
        }
    }
}

/// An X.509 certificate as PEM text.
struct Certificate: Sendable {
    let pem: String

    /// - Throws: when the text holds no certificate.
    init(pem: String) throws {
        self.pem = pem
        try withPointer { _ in }
    }

    func withPointer<Result>(_ body: (OpaquePointer) throws -> Result) throws -> Result {
        let bio = MemoryBIO(pem)
        guard let certificate = PEM_read_bio_X509(bio.pointer, nil, nil, nil) else {
            throw CryptoError("reading a certificate")
        }
        defer { X509_free(certificate) }
        return try body(certificate)
    }
}

/// A memory buffer of libcrypto's.
final class MemoryBIO {
    let pointer: OpaquePointer?

    init(_ text: String = "") {
        pointer = BIO_new(BIO_s_mem())
        let bytes = Array(text.utf8)
        if !bytes.isEmpty { BIO_write(pointer, bytes, Int32(bytes.count)) }
    }

    deinit { BIO_free(pointer) }

    /// What is in it, taken out.
    var text: String {
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(pointer))
        let count = BIO_read(pointer, &bytes, Int32(bytes.count))
        return String(decoding: bytes.prefix(max(0, Int(count))), as: UTF8.self)
    }
}
