import CCrypto

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Signs instance identity documents, as AWS does with its regional certificate.
struct IdentityAuthority: Sendable {
    let certificate: Certificate
    private let key: PrivateKey
    private let accountID: String
    private let region: String

    init(folder: String, accountID: String, region: String) throws {
        self.accountID = accountID
        self.region = region
        (certificate, key) = try KeyFiles(
            folder: folder, certificate: "identity-cert.pem", key: "identity-key.pem"
        ).loadOrMake {
            let key = try PrivateKey.generate(rsa: true)
            let template = CertificateTemplate(commonName: "Local cloud instance identity", days: 3650)
            return (try template.issue(for: key, by: nil), key)
        }
    }

    /// The document, laid out as AWS lays it out: its bytes are what is signed.
    /// Source: EC2 user guide, "Instance identity documents".
    func document(_ instance: Instance) -> String {
        """
        {
          "accountId" : "\(accountID)",
          "architecture" : "x86_64",
          "availabilityZone" : "\(instance.zone)",
          "billingProducts" : null,
          "devpayProductCodes" : null,
          "marketplaceProductCodes" : null,
          "imageId" : "\(instance.imageID)",
          "instanceId" : "\(instance.id)",
          "instanceType" : "\(instance.type)",
          "kernelId" : null,
          "pendingTime" : "\(instance.launchedAt.formatted(.iso8601))",
          "privateIp" : "\(instance.privateAddress)",
          "ramdiskId" : null,
          "region" : "\(region)",
          "version" : "2017-09-30"
        }
        """
    }

    /// Base64 PKCS #7 with the document inside, without the certificate and without BEGIN and END lines.
    func pkcs7(_ instance: Instance) throws -> String {
        let content = MemoryBIO(document(instance))
        let flags = PKCS7_BINARY | PKCS7_NOCERTS | PKCS7_NOSMIMECAP
        let signed = try certificate.withPointer { certificate in
            try key.withPointer { PKCS7_sign(certificate, $0, nil, content.pointer, flags) }
        }
        guard let signed else { throw CryptoError("signing an identity document") }
        defer { PKCS7_free(signed) }
        let output = MemoryBIO()
        guard PEM_write_bio_PKCS7(output.pointer, signed) == 1 else {
            throw CryptoError("writing an identity document")
        }
        return output.text.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined(separator: "\n")
    }

    /// Base64 RSA signature over the document's SHA-256.
    func signature(_ instance: Instance) throws -> String {
        Data(try key.sign(Array(document(instance).utf8))).base64EncodedString()
    }
}
