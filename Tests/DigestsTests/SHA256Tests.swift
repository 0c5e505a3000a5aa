import Digests
import Testing
import WireText

@Suite struct SHA256Tests {
    /// FIPS 180-2, appendix B, and the empty message.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ])
    func publishedVectorsAgree(message: String, digest: String) {
        #expect(SHA256Digest(of: message).hex == digest)
        #expect(SHA256Digest(of: Array(message.utf8)).hex == digest)
        #expect(Array(message.utf8).withUnsafeBytes { SHA256Digest(of: $0) }.hex == digest)
    }
}

@Suite struct HMACTests {
    /// RFC 4231, test cases 1 to 4, 6 and 7: keys shorter and longer than a block.
    @Test(arguments: [
        (
            [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            Array(1...25), [UInt8](repeating: 0xcd, count: 50),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131),
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131),
            Array(
                """
                This is a test using a larger than block-size key and a larger than block-size data. The key \
                needs to be hashed before being used by the HMAC algorithm.
                """.utf8),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        ),
    ])
    func publishedVectorsAgree(key: [UInt8], message: [UInt8], code: String) {
        let key = HMACKey(key)
        #expect(key.authenticate(message).hex == code)
        #expect(key.authenticate(message).hex == code, "a key may be used again")
    }

    @Test func aTextIsAKeyByItsBytes() {
        let message = Array("what do ya want for nothing?".utf8)
        #expect(
            HMACKey("Jefe").authenticate(message).bytes
                == HMACKey(Array("Jefe".utf8)).authenticate(message).bytes)
        #expect(
            HMACKey([UInt8]()).authenticate([]).hex
                == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }
}

@Suite struct ConstantTimeTests {
    @Test func onlyTheSameBytesAreEqual() {
        #expect([UInt8]().equalsInConstantTime([]))
        #expect([1, 2, 3].equalsInConstantTime([1, 2, 3]))
        for other: [UInt8] in [[], [1, 2], [1, 2, 3, 0], [0, 2, 3], [1, 2, 4], [3, 2, 1]] {
            #expect(![1, 2, 3].equalsInConstantTime(other), "\(other)")
        }
    }
}

@Suite struct RandomSecretTests {
    @Test func secretsHaveTheirLengthAndDiffer() {
        #expect(RandomSecret.bytes(0).isEmpty)
        #expect(RandomSecret.hex(bytes: 24).utf8.count == 48)
        #expect(RandomSecret.base64(bytes: 32).utf8.count == 44)
        let secrets = Set((0..<1_000).map { _ in RandomSecret.bytes(16) })
        #expect(secrets.count == 1_000)
    }
}
