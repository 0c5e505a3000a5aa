import CCrypto
import Digests

/// What a new certificate says.
struct CertificateTemplate {
    var commonName: String
    var days: Int
    var isAuthority = false
    /// `DNS:name` and `IP:address` entries.
    var alternativeNames: [String] = []
    /// For TLS servers only.
    var isServer = false

    /// - Parameter issuer: nil for a self-signed certificate.
    func issue(
        for key: PrivateKey, by issuer: (certificate: Certificate, key: PrivateKey)?
    ) throws -> Certificate {
        guard let made = X509_new() else { throw CryptoError("making a certificate") }
        defer { X509_free(made) }
        try describe(made)
        _ = try key.withPointer { X509_set_pubkey(made, $0) }
        if let issuer {
            try issuer.certificate.withPointer { try finish(made, issuer: $0) }
        } else {
            try finish(made, issuer: made)
        }
        try (issuer?.key ?? key).withPointer {
            guard X509_sign(made, $0, EVP_sha256()) > 0 else { throw CryptoError("signing a certificate") }
        }
        let bio = MemoryBIO()
        PEM_write_bio_X509(bio.pointer, made)
        return try Certificate(pem: bio.text)
    }

    private func describe(_ made: OpaquePointer) throws {
        X509_set_version(made, 2)
        try setSerial(made)
        X509_gmtime_adj(X509_getm_notBefore(made), -3600)
        X509_gmtime_adj(X509_getm_notAfter(made), days * 86_400)
        X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8, commonName, -1, -1, 0)
    }

    private func finish(_ made: OpaquePointer, issuer: OpaquePointer) throws {
        X509_set_issuer_name(made, X509_get_subject_name(issuer))
        for (id, value) in extensions { try add(id, value, to: made, issuer: issuer) }
    }

    private var extensions: [(Int32, String)] {
        var list: [(Int32, String)] = [
            (NID_basic_constraints, isAuthority ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE"),
            (NID_subject_key_identifier, "hash"),
        ]
        if isAuthority { list.append((NID_key_usage, "critical,keyCertSign,cRLSign")) }
        if isServer {
            list.append((NID_key_usage, "critical,digitalSignature"))
            list.append((NID_ext_key_usage, "serverAuth"))
            list.append((NID_authority_key_identifier, "keyid"))
        }
        if !alternativeNames.isEmpty {
            list.append((NID_subject_alt_name, alternativeNames.joined(separator: ",")))
        }
        return list
    }

    private func setSerial(_ pointer: OpaquePointer) throws {
        let bytes = RandomSecret.bytes(8)
        let serial = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } >> 1
        guard ASN1_INTEGER_set_uint64(X509_get_serialNumber(pointer), serial) == 1 else {
            throw CryptoError("setting a serial number")
        }
    }

    private func add(_ id: Int32, _ value: String, to pointer: OpaquePointer, issuer: OpaquePointer) throws {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer, pointer, nil, nil, 0)
        guard let made = X509V3_EXT_conf_nid(nil, &context, id, value) else {
            throw CryptoError("certificate extension \(value)")
        }
        defer { X509_EXTENSION_free(made) }
        guard X509_add_ext(pointer, made, -1) == 1 else {
            throw CryptoError("certificate extension \(value)")
        }
    }
}
