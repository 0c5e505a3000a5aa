import Digests
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Key Management Service: symmetric keys. A key named for the first time, by a well-formed id, ARN or
/// alias of this account, exists from then on; what it sealed can be opened while this process lives.
struct KMSService: JSONService {
    static let targetPrefix = "TrentService"
    static let maximumPlaintext = 4096

    let region: String
    let accountID: String
    private let keys = KeyRing()

    init(region: String, accountID: String) {
        self.region = region
        self.accountID = accountID
    }

    func perform(_ operation: String, _ input: JSONValue) async throws -> JSONValue {
        switch operation {
        case "GenerateDataKey": try generateDataKey(input)
        case "Encrypt": try encrypt(input)
        case "Decrypt": try decrypt(input)
        default: throw AWSError("UnknownOperationException", "")
        }
    }

    private func generateDataKey(_ input: JSONValue) throws -> JSONValue {
        let arn = try keyARN(try input.required("KeyId"))
        let count = try Self.dataKeyLength(input)
        let plaintext = RandomSecret.bytes(count)
        return [
            "KeyId": .string(arn), "Plaintext": .string(Data(plaintext).base64EncodedString()),
            "CiphertextBlob": .string(Data(try seal(plaintext, arn, input)).base64EncodedString()),
        ]
    }

    private static func dataKeyLength(_ input: JSONValue) throws -> Int {
        switch (input["KeySpec"]?.string, input["NumberOfBytes"]?.integer) {
        case ("AES_256", nil): return 32
        case ("AES_128", nil): return 16
        case (nil, let count?) where (1...1024).contains(count): return count
        default:
            throw AWSError(
                "ValidationException", "Please specify either number of bytes or key spec.")
        }
    }

    private func encrypt(_ input: JSONValue) throws -> JSONValue {
        let arn = try keyARN(try input.required("KeyId"))
        guard let plaintext = Data(base64Encoded: try input.required("Plaintext")),
            (1...Self.maximumPlaintext).contains(plaintext.count)
        else { throw AWSError("ValidationException", "Plaintext must be 1 to 4096 bytes") }
        return [
            "KeyId": .string(arn), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "CiphertextBlob": .string(Data(try seal(Array(plaintext), arn, input)).base64EncodedString()),
        ]
    }

    private func decrypt(_ input: JSONValue) throws -> JSONValue {
        guard let blob = Data(base64Encoded: try input.required("CiphertextBlob")),
            let (arn, sealed) = Self.split(Array(blob)), let key = keys.find(arn),
            let plaintext = try? AESGCM.open(sealed, key: key, binding: Self.context(input))
        else { throw AWSError("InvalidCiphertextException", "") }
        if let named = input["KeyId"]?.string, try keyARN(named) != arn {
            throw AWSError(
                "IncorrectKeyException",
                "The key ID in the request does not identify a CMK that can perform this operation.")
        }
        return [
            "KeyId": .string(arn), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "Plaintext": .string(Data(plaintext).base64EncodedString()),
        ]
    }

    /// `length of the ARN (2) | ARN | sealed`
    private func seal(_ plaintext: [UInt8], _ arn: String, _ input: JSONValue) throws -> [UInt8] {
        let sealed = try AESGCM.seal(plaintext, key: keys.make(arn), binding: Self.context(input))
        let name = Array(arn.utf8)
        return [UInt8(name.count >> 8), UInt8(name.count & 0xff)] + name + sealed
    }

    private static func split(_ blob: [UInt8]) -> (arn: String, sealed: [UInt8])? {
        guard blob.count > 2 else { return nil }
        let length = Int(blob[0]) << 8 | Int(blob[1])
        guard blob.count > 2 + length else { return nil }
        return (String(decoding: blob[2..<2 + length], as: UTF8.self), Array(blob[(2 + length)...]))
    }

    private static func context(_ input: JSONValue) -> [UInt8] { (input["EncryptionContext"] ?? [:]).bytes }

    private func keyARN(_ id: String) throws -> String {
        let prefix = "arn:aws:kms:\(region):\(accountID):"
        let arn = id.hasPrefix("arn:") ? id : prefix + (id.hasPrefix("alias/") ? id : "key/" + id)
        guard arn.hasPrefix(prefix), arn.utf8.count <= 2048 else {
            throw AWSError("NotFoundException", "Key '\(id)' does not exist")
        }
        return arn
    }
}

private final class KeyRing: Sendable {
    private let keys = Mutex<[String: [UInt8]]>([:])

    func find(_ arn: String) -> [UInt8]? { keys.withLock { $0[arn] } }

    func make(_ arn: String) -> [UInt8] {
        keys.withLock { keys in
            if let key = keys[arn] { return key }
            let key = RandomSecret.bytes(AESGCM.keyLength)
            keys[arn] = key
            return key
        }
    }
}
