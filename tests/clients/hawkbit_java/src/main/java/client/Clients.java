package client;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import feign.Feign;
import feign.Request;
import feign.RequestTemplate;
import feign.Response;
import feign.Retryer;
import feign.codec.EncodeException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.annotation.Annotation;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.springframework.cloud.openfeign.support.ResponseEntityDecoder;
import org.springframework.cloud.openfeign.support.SpringMvcContract;
import org.springframework.hateoas.mediatype.hal.Jackson2HalModule;
import org.springframework.web.multipart.MultipartFile;

/** Clients made of hawkBit's own annotated interfaces by Feign, in the way of hawkBit's examples. */
final class Clients {
    private static final ObjectMapper READER = new ObjectMapper()
            .configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false)
            .registerModule(new Jackson2HalModule());
    private static final ObjectMapper WRITER = new ObjectMapper();

    private Clients() {}

    /** An answer that is no success. */
    static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1L;
        final int status;

        Refused(int status, String message) {
            super(message);
            this.status = status;
        }
    }

    static <T> T of(Class<T> api, String server, String authorization) {
        return Feign.builder()
                .contract(new Contract())
                .decoder(new ResponseEntityDecoder(Clients::decode))
                .encoder(Clients::encode)
                .errorDecoder((key, response) -> refused(response))
                .retryer(Retryer.NEVER_RETRY)
                .requestInterceptor(request -> request.header("Authorization", authorization))
                .target(api, server);
    }

    /** Several media types at one method are too many for the contract it extends; the first ones count. */
    private static final class Contract extends SpringMvcContract {
        @Override
        protected void processAnnotationOnMethod(feign.MethodMetadata data, Annotation annotation, Method method) {
            try {
                super.processAnnotationOnMethod(data, annotation, method);
            } catch (IllegalStateException tooMany) {
                data.indexToExpander(new LinkedHashMap<>());
            }
        }
    }

    private static Object decode(Response response, Type type) throws IOException {
        if (response.body() == null || type == Void.class) {
            return null;
        }
        byte[] body = response.body().asInputStream().readAllBytes();
        if (type == InputStream.class) {
            return new ByteArrayInputStream(body);
        }
        return body.length == 0 ? null : READER.readValue(body, READER.constructType(type));
    }

    private static void encode(Object body, Type type, RequestTemplate request) {
        Object file = body instanceof Map<?, ?> form ? form.values().iterator().next() : body;
        try {
            if (file instanceof MultipartFile upload) {
                String boundary = UUID.randomUUID().toString();
                kind(request, "multipart/form-data; boundary=" + boundary);
                request.body(Request.Body.create(multipart(upload, boundary)));
            } else {
                kind(request, "application/json");
                request.body(Request.Body.create(WRITER.writeValueAsBytes(body)));
            }
        } catch (IOException e) {
            throw new EncodeException("the body cannot be written", e);
        }
    }

    private static void kind(RequestTemplate request, String type) {
        request.header("Content-Type", List.of());
        request.header("Content-Type", type);
    }

    private static byte[] multipart(MultipartFile file, String boundary) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        String head = "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
                + "Content-Type: application/octet-stream\r\n\r\n";
        body.writeBytes(String.format(head, boundary, file.getOriginalFilename()).getBytes(StandardCharsets.UTF_8));
        body.writeBytes(file.getBytes());
        body.writeBytes(("\r\n--" + boundary + "--\r\n").getBytes(StandardCharsets.UTF_8));
        return body.toByteArray();
    }

    private static Refused refused(Response response) {
        String said = "";
        try {
            said = response.body() == null ? "" : new String(response.body().asInputStream().readAllBytes());
        } catch (IOException e) {
            said = e.toString();
        }
        Request asked = response.request();
        return new Refused(
                response.status(), asked.httpMethod() + " " + asked.url() + ": " + response.status() + " " + said);
    }
}
