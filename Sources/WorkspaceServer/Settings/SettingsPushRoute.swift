import Arithmetic
import FoundationEssentials
import HTTPTypes
import Hummingbird
import PushSignature

/// `POST /platform/settings-changed`: the platform says that this tenant's settings have changed. Open to
/// everybody, as the platform comes through the tunnel: the signature tells it from others. It carries no
/// state; all that follows is that this tenant asks the platform.
struct SettingsPushRoute: Sendable {
    let platform: Configuration.Platform?
    let settings: PlatformSettings

    /// - Throws: 404 without a platform or a signature, as where there is nothing; 401 for one that is stale
    ///   or wrong.
    func take(_ request: Request) async throws -> Response {
        guard let platform, let name = HTTPField.Name(SettingsPush.signatureHeader),
            let signature = request.headers[name]
        else { throw Problem.notFound }
        let body = try await request.body.collect(upTo: SettingsPush.maximumBodyBytes)
        do {
            try PushSignature.verify(
                signature, PushKey(adminToken: platform.adminToken),
                now: Date().wholeSeconds, org: platform.orgID,
                body: Array(body.readableBytesView))
        } catch {
            throw Problem(status: .unauthorized, detail: "this is not signed by the platform, or too old")
        }
        settings.ask()
        return Response(status: .accepted)
    }
}
