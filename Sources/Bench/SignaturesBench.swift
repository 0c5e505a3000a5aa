import AWSSigV4
import ArgumentParser

/// Signatures per second on one core: an EC2 form post of 4 KB and an SSM post of 90 bytes, with a session
/// token, each call hashing the body and building every header. The other side of the comparison is
/// scripts/bench-signatures.
struct SignaturesBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signatures", abstract: "AWS signatures per second, on one core.")

    @Option(help: "Seconds for each kind of request.")
    var seconds = 1

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let ec2 = try rate(service: "ec2", Self.form)
        let ssm = try rate(service: "ssm", Self.command)
        if json {
            print("{\"ours\":{\"ec2_4kb\":\(Int(ec2)),\"ssm_90b\":\(Int(ssm))}}")
        } else {
            print("EC2 form post, \(Self.form.body.count) bytes: \(Int(ec2)) signatures/s")
            print("SSM post, \(Self.command.body.count) bytes:      \(Int(ssm)) signatures/s")
        }
    }

    private static let form = SigningRequest(
        method: "POST",
        headers: [
            SigningHeader("Host", "ec2.us-east-1.amazonaws.com"),
            SigningHeader("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
        ],
        body: Array("Action=RunInstances&Version=2016-11-15&UserData=".utf8)
            + [UInt8](repeating: UInt8(ascii: "A"), count: 4_048))

    private static let command = SigningRequest(
        method: "POST",
        headers: [
            SigningHeader("Host", "ssm.us-east-1.amazonaws.com"),
            SigningHeader("Content-Type", "application/x-amz-json-1.1"),
            SigningHeader("X-Amz-Target", "AmazonSSM.GetCommandInvocation"),
        ],
        body: Array(
            #"{"CommandId":"0123456789abcdef0123456789abcdef0123","InstanceId":"i-0123456789abcdef0"}   "#
                .utf8))

    private func rate(service: String, _ request: SigningRequest) throws -> Double {
        let credentials = Credentials(
            accessKeyID: "AKIDEXAMPLE", secretAccessKey: "secret",
            sessionToken: String(repeating: "t", count: 200))
        let signer = Signer(credentials: credentials, region: "us-east-1", service: service)
        let clock = ContinuousClock()
        let start = clock.now
        var count = 0
        var bytes = 0
        while clock.now - start < .seconds(seconds) {
            for _ in 0..<200 {
                // Another date each time, as over the seconds of a day.
                let date = SigningDate(unixSeconds: 1_800_000_000 + count % 3_600)
                bytes += try signer.sign(request, at: date).headers.last?.value.utf8.count ?? 0
                count += 1
            }
        }
        precondition(bytes > count * 64)
        let (whole, attoseconds) = (clock.now - start).components
        return Double(count) / (Double(whole) + Double(attoseconds) / 1e18)
    }
}
