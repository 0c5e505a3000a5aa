import AWSSigV4

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The one address of EC2, SSM and KMS. Every call's signature is checked before anything else is read.
struct AWSEndpoint: Sendable {
    let credentials: Settings.AWSCredentials
    let region: String
    let ec2: EC2Service
    let ssm: SSMService
    let kms: KMSService
    let operators: OperatorRoutes
    private let verifier = Verifier()

    init(
        credentials: Settings.AWSCredentials, region: String, ec2: EC2Service, ssm: SSMService,
        kms: KMSService,
        operators: OperatorRoutes
    ) {
        self.credentials = credentials
        self.region = region
        self.ec2 = ec2
        self.ssm = ssm
        self.kms = kms
        self.operators = operators
    }

    func answer(_ call: HTTPCall) async -> HTTPAnswer {
        if call.path.hasPrefix(OperatorRoutes.prefix) { return await operators.answer(call) }
        let request = SigningRequest(
            method: call.method, path: call.path, query: call.query,
            headers: call.headers.map { SigningHeader($0.name, $0.value) }, body: call.body)
        let service = Verifier.claimedService(of: request) ?? "ec2"
        do {
            _ = try verifier.verify(
                request, regions: [region], services: ["ec2", "ssm", "kms"],
                now: SigningDate(unixSeconds: Int(Date().timeIntervalSince1970))
            ) { $0 == credentials.accessKeyID ? known : nil }
        } catch {
            return Self.refusal(error, service: service)
        }
        guard call.method == "POST", call.path == "/" else {
            return AWSError("InvalidRequest", "Only POST / is served.", status: 404)
                .ec2Answer(requestID: ResourceID.uuid())
        }
        return switch service {
        case "ssm": await ssm.answer(call)
        case "kms": await kms.answer(call)
        default: await ec2.answer(call)
        }
    }

    private var known: Credentials {
        Credentials(
            accessKeyID: credentials.accessKeyID, secretAccessKey: credentials.secretAccessKey,
            sessionToken: credentials.sessionToken)
    }

    private static func refusal(_ error: VerificationError, service: String) -> HTTPAnswer {
        let isJSON = service == "ssm" || service == "kms"
        let (status, code) = error.code(isJSON ? .json : .ec2)
        let refusal = AWSError(code, error.description, status: status)
        let requestID = ResourceID.uuid()
        return isJSON ? refusal.jsonAnswer(requestID: requestID) : refusal.ec2Answer(requestID: requestID)
    }
}
