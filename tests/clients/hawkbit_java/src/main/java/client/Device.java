package client;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.eclipse.hawkbit.ddi.json.model.DdiActionFeedback;
import org.eclipse.hawkbit.ddi.json.model.DdiArtifact;
import org.eclipse.hawkbit.ddi.json.model.DdiChunk;
import org.eclipse.hawkbit.ddi.json.model.DdiConfigData;
import org.eclipse.hawkbit.ddi.json.model.DdiControllerBase;
import org.eclipse.hawkbit.ddi.json.model.DdiDeploymentBase;
import org.eclipse.hawkbit.ddi.json.model.DdiResult;
import org.eclipse.hawkbit.ddi.json.model.DdiResult.FinalResult;
import org.eclipse.hawkbit.ddi.json.model.DdiStatus;
import org.eclipse.hawkbit.ddi.json.model.DdiStatus.ExecutionStatus;
import org.eclipse.hawkbit.ddi.json.model.DdiUpdateMode;
import org.eclipse.hawkbit.ddi.rest.api.DdiRootControllerRestApi;

/** A simulated device on hawkBit's device interface. */
final class Device {
    private static final String TENANT = "DEFAULT";
    private final DdiRootControllerRestApi api;
    private final String name;

    Device(DdiRootControllerRestApi api, String name) {
        this.api = api;
        this.name = name;
    }

    DdiControllerBase poll() {
        return api.getControllerBase(TENANT, name).getBody();
    }

    /** What it says of itself when it is asked to. */
    void introduce() {
        Demo.check(poll().getLink("configData").isPresent(), name + " is asked for its attributes");
        api.putConfigData(new DdiConfigData(Map.of("hw", "1"), DdiUpdateMode.MERGE), TENANT, name);
        Demo.check(poll().getLink("configData").isEmpty(), name + " is asked once");
    }

    /** One poll and, where it has work, the whole update. */
    void work(byte[] content) throws Exception {
        var link = poll().getLink("deploymentBase");
        if (link.isEmpty()) {
            return;
        }
        String href = link.get().getHref();
        long action = Long.parseLong(href.substring(href.lastIndexOf('/') + 1, href.indexOf('?')));
        DdiDeploymentBase offered =
                api.getControllerBasedeploymentAction(TENANT, name, action, -1, null).getBody();
        say(action, ExecutionStatus.DOWNLOAD, FinalResult.NONE);
        for (DdiChunk chunk : offered.getDeployment().getChunks()) {
            for (DdiArtifact file : chunk.getArtifacts()) {
                String from = file.getLink("download-http").orElseThrow().getHref();
                long module = Long.parseLong(from.replaceAll(".*softwaremodules/(\\d+)/.*", "$1"));
                byte[] got = api.downloadArtifact(TENANT, name, module, file.getFilename()).getBody().readAllBytes();
                Demo.check(Arrays.equals(got, content), "the content of " + from);
            }
        }
        say(action, ExecutionStatus.DOWNLOADED, FinalResult.NONE);
        say(action, ExecutionStatus.PROCEEDING, FinalResult.NONE);
        say(action, ExecutionStatus.CLOSED, FinalResult.SUCCESS);
    }

    /** Agrees to stop, and answers which action it was. */
    long stop() {
        String href = poll().getLink("cancelAction").orElseThrow().getHref();
        long id = Long.parseLong(href.substring(href.lastIndexOf('/') + 1));
        String action = api.getControllerCancelAction(TENANT, name, id).getBody().getCancelAction().getStopId();
        api.postCancelActionFeedback(feedback(id, ExecutionStatus.CLOSED, FinalResult.SUCCESS), TENANT, name, id);
        return Long.parseLong(action);
    }

    private void say(long action, ExecutionStatus status, FinalResult result) {
        api.postBasedeploymentActionFeedback(feedback(action, status, result), TENANT, name, action);
    }

    private static DdiActionFeedback feedback(long action, ExecutionStatus status, FinalResult result) {
        List<String> details = List.of("Simulation " + status);
        return new DdiActionFeedback(action, null, new DdiStatus(status, new DdiResult(result, null), details));
    }
}
