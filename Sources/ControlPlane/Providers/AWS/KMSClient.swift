import FoundationEssentials

/// Data keys under a KMS key. Source: AWS KMS API Reference.
package struct KMSClient: Sendable {
    private let connection: AWSConnection

    package init(_ connection: AWSConnection) { self.connection = connection }

    package struct DataKey: Sendable {
        /// 32 bytes, never stored.
        package var plaintext: [UInt8]
        /// The same key under the KMS key, to be stored beside what it seals.
        package var ciphertext: [UInt8]
        /// The ARN of the KMS key, also where an alias was asked for.
        package var keyID: String

        package init(plaintext: [UInt8], ciphertext: [UInt8], keyID: String) {
            self.plaintext = plaintext
            self.ciphertext = ciphertext
            self.keyID = keyID
        }
    }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct DataKeyInput: Encodable {
        var KeyId: String
        var KeySpec = "AES_256"
    }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct DataKeyOutput: Decodable {
        var Plaintext: Data
        var CiphertextBlob: Data
        var KeyId: String
    }

    package func generateDataKey(keyID: String) async throws -> DataKey {
        let output = try await call("GenerateDataKey", DataKeyInput(KeyId: keyID), as: DataKeyOutput.self)
        return DataKey(
            plaintext: Array(output.Plaintext), ciphertext: Array(output.CiphertextBlob),
            keyID: output.KeyId)
    }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct DecryptInput: Encodable {
        var CiphertextBlob: Data
    }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct DecryptOutput: Decodable {
        var Plaintext: Data
        var KeyId: String
    }

    package func decrypt(ciphertext: [UInt8]) async throws -> DataKey {
        let input = DecryptInput(CiphertextBlob: Data(ciphertext))
        let output = try await call("Decrypt", input, as: DecryptOutput.self)
        return DataKey(plaintext: Array(output.Plaintext), ciphertext: ciphertext, keyID: output.KeyId)
    }

    private func call<Input: Encodable, Output: Decodable>(
        _ operation: String, _ input: Input, as output: Output.Type
    ) async throws -> Output {
        try await connection.json("kms", target: "TrentService", operation, input, as: output)
    }
}
