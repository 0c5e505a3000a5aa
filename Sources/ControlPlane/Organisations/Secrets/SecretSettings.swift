/// At least one key is set. New secrets are sealed under KMS where its key is named.
package struct SecretSettings: Sendable {
    package var kmsKeyARN: String?
    /// 32 bytes.
    package var localKey: [UInt8]?
    /// Local keys before that one: for reading what they sealed.
    package var previousLocalKeys: [[UInt8]] = []
    /// What every tenant receives as `MOLECULE_CP_SHARED_SECRET`.
    package var provisionSharedSecret: String

    package init(
        kmsKeyARN: String? = nil, localKey: [UInt8]? = nil, previousLocalKeys: [[UInt8]] = [],
        provisionSharedSecret: String
    ) {
        self.kmsKeyARN = kmsKeyARN
        self.localKey = localKey
        self.previousLocalKeys = previousLocalKeys
        self.provisionSharedSecret = provisionSharedSecret
    }
}
